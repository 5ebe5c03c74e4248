import { copy, debian, image, input } from "ashlar";

const port = Number(input("port", { default: "3000" }));

export default image({
  name: "example/node",
  from: debian("bookworm", { sources: ["updates", "security"] }),
  platforms: ["linux/amd64"],
  system: {
    install: "unpack",
    packages: ["nodejs", "ca-certificates"],
    strip: ["docs", "man", "info", "locales", "lintian", "bugs", "scripts"],
  },
  users: { node: { uid: 10001 } },
  app: [copy("src/**/*.js", "/app/", { mode: "a=rX" })],
  config: {
    entrypoint: ["/usr/bin/node"],
    cmd: ["/app/server.js"],
    user: "node",
    workdir: "/app",
    env: { NODE_ENV: "production", PORT: String(port) },
    ports: [port],
  },
  expect: { shell: false, setuid: false, deny: ["npm", "gcc"] },
});
