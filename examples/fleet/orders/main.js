require("node:http").createServer((_, response) => response.end("orders\n")).listen(3002, "0.0.0.0");
