require("node:http").createServer((_, response) => response.end("cart\n")).listen(3001, "0.0.0.0");
