// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";

/** Makes specs of every field there is, for tests that hold for all of them. */

const text = fc.oneof(
  fc.string({ maxLength: 12 }).filter((one) => !one.includes("\0")),
  fc.string({ unit: "grapheme", maxLength: 8 }).filter((one) => !one.includes("\0") && one.isWellFormed()),
  fc.constantFrom(
    "",
    " ",
    "a\nb\n",
    "\n\n",
    "0644",
    "yes",
    "null",
    "~",
    "1e3",
    "- a",
    "a: b",
    "#",
    "'",
    '"',
    "\t",
    "a \n",
    "`${x}`",
    "\u2028",
    "\r\n",
    "\u0085",
  ),
);
const path = fc.constantFrom("/", "/a", "/a/", "/srv/www", "/x/y z", "/é");
const filePath = fc.constantFrom("/a", "/srv/www", "/x/y z", "/é", "/constructor");
const glob = fc.constantFrom("a", "./b", "dist/**", "*.js", "é/{a,b}", "with space");
const mode = fc.constantFrom("0644", "755", "4755", "a=rX", "u+x,go-w");
const owner = fc.oneof(fc.constantFrom("web", "root", "1000"), fc.nat(70_000));
const optional = <T extends Record<string, fc.Arbitrary<unknown>>>(shape: T): fc.Arbitrary<object> =>
  fc.record(shape, { requiredKeys: [] });
const placing = { owner, group: owner, mode };
const withNeeded = (
  needed: Record<string, fc.Arbitrary<unknown>>,
  more: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<object> => fc.record({ ...needed, ...more }, { requiredKeys: Object.keys(needed) });

const item = fc.oneof(
  fc.record({
    copy: withNeeded(
      { from: fc.oneof(glob, fc.array(glob, { minLength: 1 })), to: path },
      { exclude: fc.array(glob), ...placing },
    ),
  }),
  fc.record({
    output: withNeeded(
      { step: fc.constant("all"), path: fc.oneof(glob, fc.array(glob, { minLength: 1 })), to: path },
      placing,
    ),
  }),
  fc.record({ write: withNeeded({ to: filePath, text }, placing) }),
  fc.record({ dir: withNeeded({ path: filePath }, placing) }),
  fc.record({ link: fc.record({ path: filePath, target: fc.constantFrom("a", "../b c", "/x") }) }),
);
const thirdParty = withNeeded(
  {
    deb: fc.constantFrom("https://example.com/debian", "http://example.org:8080/x/"),
    suite: fc.constantFrom("stable", "bookworm-pgdg", "a/b"),
    components: fc.constant(["main"]),
    signedBy: fc.constantFrom("keys/a.asc", `${"AB".repeat(20)}, ${"01".repeat(20)}`),
  },
  { name: fc.constantFrom("one", "two") },
);
const pinned = `example.com:5000/base@sha256:${"ab".repeat(32)}`;
const source = fc.oneof(fc.constantFrom("updates", "security", "backports"), thirdParty);
const from = fc.oneof(
  withNeeded(
    { oci: fc.constant(pinned), debian: fc.constant("trixie") },
    {
      at: fc.constantFrom("oci:vendor/base", "docker-archive:a b.tar:x:v1"),
      sources: fc.subarray(["updates"]),
    },
  ),
  fc.constantFrom("debian:bookworm", "debian:trixie"),
  withNeeded(
    { debian: fc.constant("bookworm") },
    {
      sources: fc.uniqueArray(source, {
        maxLength: 3,
        selector: (one) => (typeof one === "string" ? one : "third"),
      }),
      components: fc.subarray(["main", "contrib", "non-free"], { minLength: 1 }),
    },
  ),
);
const someGlobs = fc.oneof(glob, fc.array(glob));
const script = text.filter((one) => one.trim() !== "");
const argv = fc.array(text, { minLength: 1, maxLength: 3 }).filter(([program]) => program !== "");
const shellText = text.map((one) => ["/bin/sh", "-eu", "-c", one]);
const env = fc.dictionary(fc.constantFrom("A", "a b", "toString"), text);
const command = (more: Record<string, fc.Arbitrary<unknown>>, needed = {}): fc.Arbitrary<object> =>
  fc.oneof(
    withNeeded({ cmd: fc.oneof(argv, shellText), ...needed }, more),
    withNeeded({ script, ...needed }, more),
  );
const run = fc.oneof(script, command({ env, inputs: someGlobs }));
const sourceFile = withNeeded(
  {
    url: fc.constantFrom(
      "https://example.com/a-1.tar.xz",
      "http://example.com/b%2B1.tgz?c=d",
      "https://example.com/e",
    ),
    sha256: fc.constantFrom("ab".repeat(32), `sha256:${"01".repeat(32)}`),
  },
  {
    to: fc.constantFrom(".", "./x/y/", "z"),
    unpack: fc.constant(true),
    patches: fc.constant(["b.patch", "a.patch"]),
  },
).map((one) => ("patches" in one ? { ...one, unpack: true } : one));
const distinctTargets = fc.array(sourceFile, { maxLength: 1 });
const step = command(
  {
    tools: fc.subarray(["gcc", "make (>= 4)"]),
    inputs: glob,
    exclude: fc.constant([]),
    sources: distinctTargets,
    env,
    secrets: fc.subarray(["b", "a"]),
    timeout: fc.constantFrom("90s", "3600s", "45m"),
    memory: fc.constantFrom("4GiB", "40MB", "1025B", "0B"),
  },
  { outputs: fc.oneof(glob, fc.array(glob, { minLength: 1 })) },
);
/** Outputs of the step "all" may be placed: there is always one, and it makes everything. */
const steps = fc
  .dictionary(fc.constantFrom("a", "b.c-d", "0", "constructor"), step)
  .map((some) => ({ ...some, all: { cmd: ["make"], outputs: "**" } }));
/** What needs maintainer scripts is not there without them. */
const systemOf = (system: Record<string, unknown>): object => {
  if (system["install"] !== "unpack") return system;
  const { debconf: _, run: __, ...rest } = system;
  return rest;
};
const globs = fc.array(fc.constantFrom("/a", "/b/**"), { minLength: 1 });
const image = withNeeded(
  { name: fc.constantFrom("x", "example.com/a/b-c"), from, steps },
  {
    platforms: fc.subarray(["linux/amd64", "linux/arm64", "linux/arm/v7"], { minLength: 1 }),
    system: optional({
      base: fc.constantFrom("none", "essential", "minbase"),
      packages: fc.subarray(
        ["nginx", "curl (>=7.1)", "a | bb ( << 2:1~x-1)", "libc6:i386"].map((one) =>
          one.replace("a |", "aa |").replace("( ", "("),
        ),
      ),
      install: fc.constantFrom("unpack", "full"),
      strip: fc.subarray(["docs", "man", "scripts"]),
      only: fc.dictionary(
        fc.constantFrom("tzdata", "libc6", "constructor"),
        fc.oneof(globs, fc.constant("/x")),
      ),
      debconf: fc.dictionary(fc.constantFrom("a/b", "tzdata/Zones/Europe"), text),
      run: fc.array(run, { maxLength: 3 }),
    }).map((system) => systemOf(system as Record<string, unknown>)),
    users: fc.dictionary(
      fc.constantFrom("web"),
      withNeeded(
        { uid: fc.nat(70_000) },
        {
          gid: fc.nat(70_000),
          home: path,
          shell: filePath,
          gecos: fc.constantFrom("", "A B"),
          groups: fc.array(fc.constantFrom("b", "a")),
        },
      ),
    ),
    app: fc.array(item, { maxLength: 4 }),
    config: optional({
      entrypoint: fc.array(text, { maxLength: 3 }),
      cmd: fc.array(text, { maxLength: 3 }),
      env: fc.dictionary(fc.constantFrom("A", "a b", "1", "toString"), text),
      user: fc.oneof(fc.constantFrom("web", "1:2"), fc.nat(9)),
      workdir: path,
      ports: fc.array(
        fc.oneof(fc.integer({ min: 1, max: 65535 }), fc.constantFrom("53/udp", "080", "8080/tcp")),
      ),
      volumes: fc.array(path),
      labels: fc.dictionary(
        text.filter((one) => one !== "" && one !== "__proto__"),
        text,
      ),
      stopSignal: fc.constantFrom("SIGTERM", "9"),
      author: fc.constantFrom("", "A <a@example.com>"),
      healthcheck: withNeeded(
        {
          test: fc.oneof(
            text.map((one) => ["CMD", one]),
            text.map((one) => ["CMD-SHELL", one]),
            fc.constant(["NONE"]),
          ),
        },
        {
          interval: fc.constantFrom("0s", "90s", "1500ms", "2h"),
          timeout: fc.constant("1m"),
          startPeriod: fc.constant("1ms"),
          retries: fc.nat(5),
        },
      ),
    }),
    expect: optional({
      maxSize: fc.constantFrom("40MB", "1.5GiB", "0B", "1.001kB", "123456789B"),
      shell: fc.boolean(),
      setuid: fc.boolean(),
      deny: fc.array(fc.constantFrom("gcc", "perl")),
      closure: fc.constantFrom("strict", "warn"),
      closureAllow: globs,
    }),
    lifecycle: optional({
      eol: fc.constantFrom("2028-02-29", "2030-01-01"),
      successor: fc.constant("other"),
    }),
    layers: optional({ packages: fc.integer({ min: 1, max: 100 }) }),
  },
);
const fleetOf = fc
  .record({ base: image, top: fc.record({ app: fc.array(item), steps }) })
  .map(({ base, top }) => ({
    ashlar: "fleet/v1",
    registry: "example.com/shop",
    images: { base: onBase(base), top: { from: { image: "base" }, ...top } },
  }));
/** Specs as data, that mean something. */
export const writtenSpecs: fc.Arbitrary<object> = fc.oneof(
  image.map((one) => ({ ashlar: "image/v1", ...onBase(one) })),
  fleetOf,
);

/** A foreign base brings the base set itself. */
function onBase(one: object): object {
  const { from: below, system } = one as { readonly from: unknown; readonly system?: object };
  const isForeign = typeof below === "object" && below !== null && "oci" in below;
  return isForeign && system !== undefined ? { ...one, system: { ...system, base: "none" } } : one;
}
