// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { AshlarError } from "../base/index.ts";
import { addressOf } from "./address.ts";
import { parseAptSources } from "./apt-sources.ts";
import { type ArchiveSource, type MirrorSettings, resolveMirrors } from "./mirrors.ts";

const main: ArchiveSource = { name: "bookworm", suite: "bookworm", components: ["main"], archive: "main" };
const security: ArchiveSource = {
  ...main,
  name: "bookworm-security",
  suite: "bookworm-security",
  archive: "security",
};
const third: ArchiveSource = { name: "extra", suite: "stable", components: ["main"], uri: "https://apt.example/deb" };

const deb822 = {
  name: "debian.sources",
  text: `# the host's own
Types: deb deb-src
URIs: http://mirror.example/debian
  http://second.example/debian/
Suites: bookworm bookworm-updates
# a comment in the middle
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: https://vendor.example/linux/debian
Suites: bookworm
Components: main
Signed-By: /etc/apt/keyrings/vendor.gpg
`,
};

function bases(source: ArchiveSource, settings: MirrorSettings, at?: number): string[] {
  return resolveMirrors(source, settings, at).map(({ base }) => base);
}

describe("parseAptSources", () => {
  it("reads deb822 stanzas: continuation, comments, disabled ones left out", () => {
    const sources = parseAptSources(deb822);
    assert.equal(sources.length, 3);
    assert.deepEqual(sources[0]?.uris, ["http://mirror.example/debian", "http://second.example/debian/"]);
    assert.deepEqual(sources[0]?.suites, ["bookworm", "bookworm-updates"]);
    assert.deepEqual(sources[0]?.components, ["main", "contrib"]);
  });

  it("reads one-line entries with options and comments", () => {
    const text = `deb [arch=amd64 signed-by=/a/debian-archive-keyring.gpg] http://x.example/debian trixie main # here
deb-src http://x.example/debian trixie main
#deb http://no.example/debian trixie main
deb nonsense
  deb\thttp://y.example/debian  trixie   main  contrib
`;
    const sources = parseAptSources({ name: "sources.list", text });
    assert.deepEqual(
      sources.map(({ uris }) => uris),
      [["http://x.example/debian"], ["http://y.example/debian"]],
    );
    assert.equal(sources[0]?.signedBy, "/a/debian-archive-keyring.gpg");
    assert.deepEqual(sources[1]?.components, ["main", "contrib"]);
  });
});

describe("resolveMirrors", () => {
  it("takes the spec's own address for third parties, or what replaces it", () => {
    assert.deepEqual(bases(third, { mirror: "http://m.example/debian" }), ["https://apt.example/deb/"]);
    const replace = { "https://apt.example/deb": ["/srv/mirror", "file:///srv/second/"] };
    assert.deepEqual(bases(third, { replace }), ["file:///srv/mirror/", "file:///srv/second/"]);
  });

  it("prefers ASHLAR_MIRROR to the host's sources, and derives security beside it", () => {
    const settings = { mirror: "http://a.example/debian/ /srv/b", hostSources: [deb822] };
    assert.deepEqual(bases(main, settings), ["http://a.example/debian/", "file:///srv/b/"]);
    assert.deepEqual(bases(security, settings), ["http://a.example/debian-security/", "file:///srv/b-security/"]);
    const own = { ...settings, securityMirror: "http://s.example/sec" };
    assert.deepEqual(bases(security, own), ["http://s.example/sec/"]);
  });

  it("takes the host's entries of the suite, never those of another vendor", () => {
    const settings = { hostSources: [deb822] };
    assert.deepEqual(bases(main, settings), ["http://mirror.example/debian/", "http://second.example/debian/"]);
    assert.deepEqual(bases(security, settings), ["http://mirror.example/debian-security/"]);
  });

  it("takes the host's entries of other suites of the same archive", () => {
    const settings = { hostSources: [deb822] };
    const trixie = { ...main, suite: "trixie" };
    assert.deepEqual(bases(trixie, settings), ["http://mirror.example/debian/", "http://second.example/debian/"]);
    assert.deepEqual(bases({ ...security, suite: "trixie-security" }, settings), [
      "http://mirror.example/debian-security/",
    ]);
    const onlyMain = { name: "sources.list", text: "deb http://m.example/debian bookworm main\n" };
    assert.deepEqual(bases(security, { hostSources: [onlyMain] }), ["http://m.example/debian-security/"]);
  });

  it("asks the snapshot service last, at the time given", () => {
    const settings = { mirror: "http://a.example/debian", snapshot: "http://snap.example" };
    const at = Date.UTC(2026, 10, 1, 12, 30, 5) / 1000;
    assert.deepEqual(bases(main, settings, at), [
      "http://a.example/debian/",
      "http://snap.example/archive/debian/20261101T123005Z/",
    ]);
    assert.deepEqual(bases(security, { snapshot: "http://snap.example/" }, at), [
      "http://snap.example/archive/debian-security/20261101T123005Z/",
    ]);
  });

  it("says what to set where nothing is configured, and refuses what is no address", () => {
    assert.throws(
      () => resolveMirrors(main, {}),
      (error: AshlarError) => {
        assert.equal(error.code, "FETCH_NO_MIRROR");
        assert.match(error.hint ?? "", /ASHLAR_MIRROR/);
        return true;
      },
    );
    for (const mirror of ["ftp://x.example/", "relative/dir", "javascript:1"]) {
      assert.throws(() => resolveMirrors(main, { mirror }), { code: "FETCH_MIRROR_INVALID" }, mirror);
    }
  });
});

describe("addressOf", () => {
  it("quotes what addresses give a meaning to", () => {
    const mirror = { base: "http://m.example/debian/", origin: "settings" } as const;
    assert.equal(
      addressOf(mirror, "./pool/g/g++_1%3a2~rc#?.deb").href,
      "http://m.example/debian/pool/g/g%2B%2B_1%253a2~rc%23%3F.deb",
    );
  });
});
