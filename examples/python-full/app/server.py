import http.server
import json
import os
import ssl


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        roots = len(ssl.create_default_context().get_ca_certs())
        body = json.dumps({"hello": "from python", "path": self.path, "trusted roots": roots}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


http.server.HTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8000"))), Handler).serve_forever()
