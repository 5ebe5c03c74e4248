// SPDX-License-Identifier: Apache-2.0
import { z } from "zod";

import { about, list, number, oneOf, plainText, some, truth } from "./shape-parts.ts";
import { runShape, stepShape } from "./shape-steps.ts";
import { texts } from "./shape-texts.ts";

/** What a spec may say, in any form: the one source of checking, of the JSON Schema and of its texts. */

/** The largest id that is not reserved, (uid_t)-1 and its 16-bit twin aside. */
const accountId = number(0, 4294967294, "a number from 0 to 4294967294");

const platforms = [
  "linux/386", "linux/amd64", "linux/arm/v5", "linux/arm/v7", "linux/arm64", "linux/mips64le", "linux/ppc64le",
  "linux/riscv64", "linux/s390x",
] as const; // prettier-ignore
const platform = oneOf(platforms);
const debianComponent = oneOf(["contrib", "main", "non-free", "non-free-firmware"]);

const thirdParty = z.strictObject({
  deb: about(texts.uri, "Base address of an archive that is not Debian's own"),
  suite: texts.anySuite,
  components: list(texts.component, "at least one component"),
  signedBy: about(texts.signedBy, "Fingerprint, path of a key file in the project, or an armoured key block"),
  name: about(texts.sourceName, "The name the lock uses; made from address and suite where absent").optional(),
});

const archives = {
  sources: about(
    list(z.union([oneOf(["updates", "security", "backports"]), thirdParty])),
    "Further archives: Debian's own by word, others by address",
  ).optional(),
  components: about(list(debianComponent, "at least one component"), "Of Debian's own archives").optional(),
};
const suite = about(texts.suite, "Suite of Debian by code name");
const debianFrom = z.strictObject({ debian: suite, ...archives });
const foreign = {
  oci: about(texts.pinnedImage, "The image by name and digest, NAME@sha256:..."),
  at: about(texts.place, "Where it lies in the project; the local store where absent").optional(),
};
const ociFrom = z.union([
  z.strictObject(foreign),
  z.strictObject({ ...foreign, debian: about(suite, "Suite of the packages that go on top"), ...archives }),
]);

const from = about(
  z.union([
    texts.from,
    debianFrom,
    ociFrom,
    z.strictObject({ image: about(texts.imageKey, "Key of another image of the fleet") }),
  ]),
  "Where packages come from, or what the image stands on",
);

const system = z.strictObject({
  base: about(
    oneOf(["none", "essential", "minbase"]),
    "What is there before the named packages; essential where scripts run, else none",
  ).optional(),
  packages: about(list(texts.relation), "Packages; what they depend on comes along").optional(),
  install: about(
    oneOf(["unpack", "full"]),
    "full (where absent): with maintainer scripts; unpack: files only",
  ).optional(),
  strip: about(
    list(oneOf(["bugs", "docs", "info", "lintian", "locales", "man", "scripts"])),
    "Groups of files to leave out",
  ).optional(),
  only: about(
    z.record(texts.packageName, some(texts.pathGlob)),
    "Of these packages only the files that match",
  ).optional(),
  debconf: about(
    z.record(texts.question, plainText),
    "Answers to questions of maintainer scripts, by package/question",
  ).optional(),
  run: about(list(runShape), "Commands that change the system, in order").optional(),
});

const user = z.strictObject({
  uid: accountId,
  gid: about(accountId, "The uid where absent").optional(),
  home: about(texts.path, "/nonexistent where absent").optional(),
  shell: about(texts.path, "/usr/sbin/nologin where absent").optional(),
  gecos: texts.accountText.optional(),
  groups: list(texts.account).optional(),
});

const ownerWant = 'an account name such as "web" or a number';
const owner = z.union([texts.owner, accountId], { error: ownerWant });
const placing = {
  owner: about(owner, "Account name or number; root where absent").optional(),
  group: about(owner, "Group name or number; the owner's where absent").optional(),
  mode: about(texts.mode, "Octal or symbolic mode, as text").optional(),
};
const item = z.union([
  z.strictObject({
    copy: z.strictObject({
      from: about(
        some(texts.projectGlob),
        "Files of the project; a path below the directories that all globs of the item begin with is kept",
      ),
      to: about(texts.path, 'Where to; "/" at the end makes it a directory'),
      exclude: about(some(texts.projectGlob), "Files to leave out").optional(),
      ...placing,
    }),
  }),
  z.strictObject({ write: z.strictObject({ to: texts.path, text: texts.any, ...placing }) }),
  z.strictObject({ dir: z.strictObject({ path: texts.path, ...placing }) }),
  z.strictObject({
    output: z.strictObject({
      step: about(texts.stepName, "The step whose outputs are placed"),
      path: about(some(texts.outputGlob), "Outputs of the step, by path or pattern below $OUT"),
      to: about(texts.path, 'Where to; "/" at the end makes it a directory'),
      ...placing,
    }),
  }),
  z.strictObject({ link: z.strictObject({ path: texts.path, target: texts.line.min(1, { error: "a target" }) }) }),
]);

const healthcheck = z.strictObject({
  test: about(
    z.tuple([oneOf(["CMD", "CMD-SHELL", "NONE"])], texts.any),
    "[CMD, program, argument, ...], [CMD-SHELL, text] or [NONE]",
  ).readonly(),
  interval: texts.duration.optional(),
  timeout: texts.duration.optional(),
  startPeriod: texts.duration.optional(),
  retries: number(0, 1000, "a number from 0 to 1000").optional(),
});

const portWant = 'a port from 1 to 65535 such as 8080 or "53/udp"';
const port = z.union(
  [z.int({ error: portWant }).min(1, { error: portWant }).max(65535, { error: portWant }), texts.port],
  {
    error: portWant,
  },
);
const config = z.strictObject({
  entrypoint: list(texts.any).optional(),
  cmd: list(texts.any).optional(),
  env: z.record(texts.envName, plainText).optional(),
  user: z.union([texts.runUser, accountId], { error: '"user", "user:group" or numbers' }).optional(),
  workdir: texts.path.optional(),
  ports: about(list(port), '8080 means "8080/tcp"').optional(),
  volumes: list(texts.path).optional(),
  labels: z.record(z.string().min(1, { error: "a label's name" }), plainText).optional(),
  stopSignal: texts.signal.optional(),
  author: texts.line.optional(),
  healthcheck: healthcheck.optional(),
});

const expect = z.strictObject({
  maxSize: about(texts.size, 'Sum of all file sizes at most, such as "40MB"').optional(),
  shell: about(truth, "Whether a shell may be in the image").optional(),
  setuid: about(truth, "Whether setuid and setgid programs may be in the image").optional(),
  deny: about(list(texts.packageName), "Packages that must not be in the image").optional(),
  closure: about(oneOf(["strict", "warn"]), "What a missing library or interpreter is").optional(),
  closureAllow: about(list(texts.pathGlob), "Paths whose missing libraries are accepted").optional(),
});

const lifecycle = z.strictObject({
  eol: about(texts.date, "End of life, YYYY-MM-DD").optional(),
  successor: about(texts.imageName, "The image to use then").optional(),
});

const fields = {
  from,
  platforms: about(list(platform, "at least one platform"), "linux/amd64 where absent").optional(),
  system: about(system, "Debian packages").optional(),
  users: about(z.record(texts.account, user), "Accounts to add").optional(),
  steps: about(z.record(texts.stepName, stepShape), "What is built in a root of its own, by name").optional(),
  app: about(list(item), "Files of the project, in order").optional(),
  config: about(config, "How the image runs").optional(),
  expect: about(expect, "Promises that the build keeps or fails").optional(),
  lifecycle: about(lifecycle, "How long the image is good for").optional(),
  layers: z
    .strictObject({
      packages: about(number(1, 100, "a number from 1 to 100"), "Layers for packages at most").optional(),
    })
    .optional(),
};

const $schema = about(z.string(), "For editors; not part of the document").optional();

export const imageShape = z.strictObject({
  $schema,
  ashlar: about(z.literal("image/v1"), "What this file is, and the version of its form"),
  name: about(texts.imageName, "The image's name, without a tag"),
  ...fields,
});

const fleetImage = z.strictObject({ name: about(texts.imageName, "The key where absent").optional(), ...fields });

export const fleetShape = z.strictObject({
  $schema,
  ashlar: about(z.literal("fleet/v1"), "What this file is, and the version of its form"),
  registry: about(texts.registry, "Put before image names that hold no slash").optional(),
  images: about(z.record(texts.imageKey, fleetImage), "The images by key"),
});

export type ImageInput = z.output<typeof imageShape>;
export type FleetImageInput = z.output<typeof fleetImage>;
export type FleetInput = z.output<typeof fleetShape>;
export type ItemInput = z.output<typeof item>;
export type SystemInput = z.output<typeof system>;
export type RunInput = z.output<typeof runShape>;
export type StepInput = z.output<typeof stepShape>;
export type OciInput = z.output<typeof ociFrom>;
export type DebianInput = z.output<typeof debianFrom>;
