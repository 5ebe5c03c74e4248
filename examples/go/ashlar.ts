import { debian, image, output, step } from "ashlar";

export default image({
  name: "example/go",
  from: debian("bookworm"),
  platforms: ["linux/amd64"],
  system: {
    install: "unpack",
    packages: ["ca-certificates"],
    strip: ["docs", "man", "info", "locales", "lintian", "bugs", "scripts"],
    // The server is one static program: the libraries that come with ca-certificates are of no use to it.
    only: { openssl: [], libssl3: [], libc6: [], "libgcc-s1": [] },
  },
  users: { nonroot: { uid: 65532 } },
  steps: {
    server: step({
      tools: ["golang-go"],
      inputs: ["go.mod", "**/*.go"],
      env: { CGO_ENABLED: "0", GOFLAGS: "-trimpath -buildvcs=false" },
      cmd: ["go", "build", "-ldflags=-s -w", "-o", "$OUT/server", "."],
      outputs: "server",
    }),
  },
  app: [output("server", "server", "/usr/bin/server", { mode: "0755" })],
  config: { entrypoint: ["/usr/bin/server"], user: "nonroot", ports: [8081] },
  expect: { maxSize: "10MB", shell: false, setuid: false, deny: ["golang-go"] },
});
