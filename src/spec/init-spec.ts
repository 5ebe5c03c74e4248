// SPDX-License-Identifier: Apache-2.0
/**
 * The text of a first spec. `schema` is where the editor finds the JSON Schema (`jsonSchema`), as written into YAML;
 * without it the line is left out.
 */
export function initSpec(options: {
  readonly form: "yaml" | "ts";
  readonly kind: "image" | "fleet";
  readonly schema?: string;
}): string {
  const { form, kind, schema } = options;
  if (form === "ts") return kind === "image" ? imageTypeScript : fleetTypeScript;
  const header = schema === undefined ? "" : `# yaml-language-server: $schema=${schema}\n`;
  return header + (kind === "image" ? imageYaml : fleetYaml);
}

const imageYaml = `ashlar: image/v1
name: example/app
from: { debian: bookworm, sources: [updates, security] }
platforms: [linux/amd64]
system:
  install: unpack # files only: no shell, no package manager; leave it out for Debian in full
  packages: [ca-certificates, tzdata]
  strip: [docs, man, info, lintian, bugs, scripts]
users:
  app: { uid: 10001 }
app:
  - write: { to: /etc/motd, text: "made by Ashlar\\n" }
config:
  user: app
expect: { setuid: false }
`;

const imageTypeScript = `import { debian, image, write } from "ashlar";

export default image({
  name: "example/app",
  from: debian("bookworm", { sources: ["updates", "security"] }),
  platforms: ["linux/amd64"],
  system: {
    install: "unpack", // files only: no shell, no package manager; leave it out for Debian in full
    packages: ["ca-certificates", "tzdata"],
    strip: ["docs", "man", "info", "lintian", "bugs", "scripts"],
  },
  users: { app: { uid: 10001 } },
  app: [write("/etc/motd", "made by Ashlar\\n")],
  config: { user: "app" },
  expect: { setuid: false },
});
`;

const fleetYaml = `ashlar: fleet/v1
registry: registry.example.com/team
images:
  base:
    from: { debian: bookworm, sources: [updates, security] }
    platforms: &platforms [linux/amd64]
    system: { install: unpack, packages: [ca-certificates, tzdata] }
    users: { app: { uid: 10001 } }
  service:
    from: { image: base }
    platforms: *platforms
    app: [{ write: { to: /etc/motd, text: "made by Ashlar\\n" } }]
    config: { user: app }
`;

const fleetTypeScript = `import { basedOn, debian, fleet, type Platform, write } from "ashlar";

const platforms: readonly Platform[] = ["linux/amd64"];

export default fleet({
  registry: "registry.example.com/team",
  images: {
    base: {
      from: debian("bookworm", { sources: ["updates", "security"] }),
      platforms,
      system: { install: "unpack", packages: ["ca-certificates", "tzdata"] },
      users: { app: { uid: 10001 } },
    },
    service: {
      from: basedOn("base"),
      platforms,
      app: [write("/etc/motd", "made by Ashlar\\n")],
      config: { user: "app" },
    },
  },
});
`;
