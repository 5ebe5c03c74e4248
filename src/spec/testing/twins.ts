// SPDX-License-Identifier: Apache-2.0
/** The five target specs, each as TypeScript and as YAML; a pair means one document. */
export const twins: readonly { readonly name: string; readonly ts: string; readonly yaml: string }[] = [
  {
    name: "nginx static site",
    ts: `import { image, debian, copy, write, dir } from "ashlar";
export default image({
  name: "registry.example.com/site",
  from: debian("trixie"),
  platforms: ["linux/amd64", "linux/arm64"],
  system: { packages: ["nginx-light"], strip: ["docs", "man", "locales"] },
  app: [
    copy("dist/**", "/srv/www", { mode: "a=rX" }),
    copy("nginx.conf", "/etc/nginx/nginx.conf", { mode: "0644" }),
    dir("/run/nginx", { owner: "web", mode: "0755" }),
    write("/etc/nginx/conf.d/health.conf", "location = /healthz { return 204; }\\n", { mode: "0644" }),
  ],
  users: { web: { uid: 10001 } },
  config: {
    entrypoint: ["/usr/sbin/nginx"], cmd: ["-g", "daemon off;"], user: "web", ports: [8080], stopSignal: "SIGQUIT",
  },
  expect: { maxSize: "40MB", shell: false, setuid: false },
  lifecycle: { eol: "2028-06-30" },
});
`,
    yaml: `# yaml-language-server: $schema=./image.v1.json
ashlar: image/v1
name: registry.example.com/site
from: debian:trixie
platforms: [linux/arm64, linux/amd64]
system:
  packages: [nginx-light]
  strip: [man, docs, locales]
app:
  - copy: { from: dist/**, to: /srv/www, mode: a=rX }
  - copy: { from: nginx.conf, to: /etc/nginx/nginx.conf, mode: "0644" }
  - dir: { path: /run/nginx, owner: web, mode: "0755" }
  - write:
      to: /etc/nginx/conf.d/health.conf
      text: |
        location = /healthz { return 204; }
      mode: "0644"
users:
  web: { uid: 10001 }
config:
  entrypoint: [/usr/sbin/nginx]
  cmd: ["-g", "daemon off;"]
  user: web
  ports: [8080]
  stopSignal: SIGQUIT
expect:
  maxSize: 40MB
  shell: false
  setuid: false
lifecycle: { eol: "2028-06-30" }
`,
  },
  {
    name: "Node service",
    ts: `import { image, debian, copy, input } from "ashlar";
const port = Number(input("port", { default: "3000" }));
export default image({
  name: "registry.example.com/api",
  from: debian("bookworm", { sources: ["updates", "security", "backports"] }),
  platforms: ["linux/amd64", "linux/arm64"],
  system: { packages: ["nodejs (>= 18)", "ca-certificates"], strip: ["docs", "man"] },
  app: [copy(["src/**/*.js", "package.json"], "/app", { mode: "a=rX", exclude: "src/**/*.test.js" })],
  users: { node: { uid: 10001 } },
  config: {
    entrypoint: ["/usr/bin/node"], cmd: ["src/server.js"], user: "node", workdir: "/app",
    env: { NODE_ENV: "production" }, ports: [port],
  },
  expect: { shell: false, deny: ["npm", "gcc"] },
});
`,
    yaml: `ashlar: image/v1
name: registry.example.com/api
from: { debian: bookworm, sources: [backports, security, updates] }
platforms: [linux/amd64, linux/arm64]
system: { packages: [nodejs (>=18), ca-certificates], strip: [docs, man] }
app:
  - copy: { from: [package.json, "src/**/*.js"], to: /app/, mode: a=rX, exclude: ["src/**/*.test.js"] }
users: { node: { uid: 10001, gid: 10001, home: /nonexistent, shell: /usr/sbin/nologin } }
config:
  entrypoint: [/usr/bin/node]
  cmd: [src/server.js]
  user: node
  workdir: /app
  env: { NODE_ENV: production }
  ports: ["3000/tcp"]
expect: { shell: false, deny: [gcc, npm] }
`,
  },
  {
    name: "Python application",
    ts: `import { image, debian, copy } from "ashlar";
export default image({
  name: "registry.example.com/worker",
  from: debian("trixie", {
    components: ["main", "contrib"],
    sources: [{
      deb: "https://packages.example.com/debian/", suite: "stable", components: ["main"],
      signedBy: "0123456789ABCDEF0123456789ABCDEF01234567",
    }],
  }),
  platforms: ["linux/amd64"],
  system: { packages: ["python3-minimal", "libpq5 | libpq6", "ca-certificates"], strip: ["docs", "man", "locales"] },
  app: [copy("worker/**/*.py", "/app/worker", { mode: "a=rX" })],
  users: { app: { uid: 10001, home: "/app" } },
  config: {
    entrypoint: ["/usr/bin/python3", "-m", "worker"], user: "app", workdir: "/app",
    env: { PYTHONDONTWRITEBYTECODE: "1" },
    healthcheck: { test: ["CMD", "/usr/bin/python3", "-c", "pass"], interval: "90s", retries: 3 },
  },
  expect: { maxSize: "120MB", deny: ["pip", "gcc"] },
});
`,
    yaml: `ashlar: image/v1
name: registry.example.com/worker
from:
  debian: trixie
  components: [contrib, main]
  sources:
    - deb: https://packages.example.com/debian
      suite: stable
      components: [main]
      signedBy: 0123456789ABCDEF0123456789ABCDEF01234567
system: { packages: [python3-minimal, libpq5|libpq6, ca-certificates], strip: [docs, man, locales] }
app:
  - copy: { from: "worker/**/*.py", to: /app/worker, mode: a=rX }
users:
  app: { uid: 10001, home: /app }
config:
  entrypoint: [/usr/bin/python3, -m, worker]
  user: app
  workdir: /app
  env: { PYTHONDONTWRITEBYTECODE: "1" }
  healthcheck: { test: [CMD, /usr/bin/python3, -c, pass], interval: 90s, retries: 3 }
expect: { maxSize: 120000kB, deny: [pip, gcc] }
`,
  },
  {
    name: "distroless binary",
    ts: `import { image, scratch, copy, link } from "ashlar";
export default image({
  name: "registry.example.com/gateway",
  from: scratch,
  platforms: ["linux/amd64", "linux/arm64"],
  app: [copy("./build/server", "/usr/bin/server", { mode: "755" }), link("/usr/bin/gateway", "server")],
  users: { nonroot: { uid: 65532 } },
  config: { entrypoint: ["/usr/bin/server"], user: 65532, ports: [8443, "53/udp"] },
  expect: { maxSize: "25MB", shell: false, setuid: false },
});
`,
    yaml: `ashlar: image/v1
name: registry.example.com/gateway
from: scratch
platforms: [linux/amd64, linux/arm64]
app:
  - copy: { from: build/server, to: /usr/bin/server, mode: "0755" }
  - link: { path: /usr/bin/gateway, target: server }
users: { nonroot: { uid: 65532 } }
config: { entrypoint: [/usr/bin/server], user: "65532", ports: [53/udp, 8443] }
expect: { maxSize: 25MB, shell: false, setuid: false }
`,
  },
  {
    name: "fleet of three",
    ts: `import { fleet, debian, basedOn, copy, type ImageSpec, type Platform } from "ashlar";
const platforms: readonly Platform[] = ["linux/amd64", "linux/arm64"];
const service = (key: string, port: number): ImageSpec => ({
  from: basedOn("base"),
  platforms,
  app: [copy(\`\${key}/src/**\`, "/app/src", { mode: "a=rX" })],
  config: { entrypoint: ["/usr/bin/node"], cmd: ["src/main.js"], user: "node", workdir: "/app", ports: [port] },
});
export default fleet({
  registry: "registry.example.com/shop",
  images: {
    base: {
      name: "base", from: debian("trixie"), platforms,
      system: { packages: ["nodejs", "ca-certificates", "tzdata"], strip: ["docs", "man", "locales"] },
      users: { node: { uid: 10001 } },
      expect: { shell: false },
      lifecycle: { eol: "2028-06-30" },
    },
    cart: service("cart", 3001),
    orders: service("orders", 3002),
  },
});
`,
    yaml: `ashlar: fleet/v1
registry: registry.example.com/shop
images:
  orders:
    from: { image: base }
    app: [{ copy: { from: orders/src/**, to: /app/src, mode: a=rX } }]
    config: { entrypoint: [/usr/bin/node], cmd: [src/main.js], user: node, workdir: /app, ports: [3002] }
  base:
    name: base
    from: debian:trixie
    platforms: &platforms [linux/amd64, linux/arm64]
    system: { packages: [nodejs, ca-certificates, tzdata], strip: [docs, man, locales] }
    users: { node: { uid: 10001 } }
    expect: { shell: false }
    lifecycle: { eol: 2028-06-30 }
  cart:
    from: { image: base }
    platforms: *platforms
    app: [{ copy: { from: cart/src/**, to: /app/src, mode: a=rX } }]
    config: { entrypoint: [/usr/bin/node], cmd: [src/main.js], user: node, workdir: /app, ports: [3001] }
`,
  },
  {
    name: "service built in steps, on a foreign base",
    ts: `import { image, oci, output, step } from "ashlar";
const hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
export default image({
  name: "registry.example.com/server",
  from: oci(\`example.com/base@sha256:\${hash}\`, { at: "oci:vendor/base", debian: "bookworm", sources: ["security"] }),
  platforms: ["linux/amd64"],
  system: {
    packages: ["tzdata"],
    debconf: { "tzdata/Areas": "Europe" },
    run: ["useradd -r app", { cmd: ["/usr/sbin/update-x"], env: { A: "1" }, inputs: "x/**" }],
  },
  steps: {
    server: step({
      tools: ["golang-go"],
      inputs: ["go.mod", "cmd/**"],
      exclude: "**/*_test.go",
      env: { CGO_ENABLED: "0" },
      cmd: ["go", "build", "-o", "$OUT/server", "./cmd/server"],
      outputs: "server",
      timeout: "30m",
      memory: "4GiB",
      secrets: ["token"],
    }),
    hello: step({
      tools: ["gcc", "make"],
      sources: [
        { url: "https://example.com/hello-1.tar.gz", sha256: hash, patches: "fix.patch" },
        { url: "https://example.com/words.bin", sha256: hash, to: "data/words.bin" },
      ],
      script: "make\\n",
      outputs: ["hello", "share/**"],
    }),
  },
  app: [
    output("server", "server", "/usr/bin/server", { mode: "0755" }),
    output("hello", ["hello", "share/**"], "/usr"),
  ],
});
`,
    yaml: `ashlar: image/v1
name: registry.example.com/server
from:
  oci: example.com/base@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  at: oci:vendor/base
  debian: bookworm
  sources: [security]
system:
  packages: [tzdata]
  debconf: { tzdata/Areas: Europe }
  run:
    - script: useradd -r app
    - { cmd: [/usr/sbin/update-x], env: { A: "1" }, inputs: [x/**] }
steps:
  hello:
    tools: [gcc, make]
    sources:
      - url: https://example.com/hello-1.tar.gz
        sha256: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        unpack: true
        to: .
        patches: [fix.patch]
      - url: https://example.com/words.bin
        sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        to: data/words.bin
    script: |
      make
    outputs: [share/**, hello]
  server:
    tools: [golang-go]
    inputs: [cmd/**, go.mod]
    exclude: ["**/*_test.go"]
    env: { CGO_ENABLED: "0" }
    cmd: [go, build, -o, $OUT/server, ./cmd/server]
    outputs: [server]
    timeout: 1800s
    memory: 4096MiB
    secrets: [token]
app:
  - output: { step: server, path: [server], to: /usr/bin/server, mode: "0755" }
  - output: { step: hello, path: [share/**, hello], to: /usr/ }
`,
  },
];
