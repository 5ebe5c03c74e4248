// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";

import { type ImagePath, nameFromBytes, parsePath, pathToBytes } from "../../base/index.ts";
import {
  encodeInterests,
  isBelowTrigger,
  parseFileInterests,
  parseNamedInterests,
  parseTriggers,
  statusStanza,
  type TriggerInterest,
} from "../../debian/index.ts";
import type { Entry } from "../../formats/index.ts";
import type { Contents } from "../content.ts";
import { fileEntry } from "../generated-entry.ts";
import type { OwnedEntry } from "../merge-trees.ts";
import { finalPath } from "../normalize-package.ts";
import { plainDirectory } from "../parents.ts";
import { type DescribedPackage, fullLayout, invalidControl, readControl } from "./describe-package.ts";

/** dpkg's own directory in a root. */
export const adminDir = "var/lib/dpkg";
/** Who owns what of the database belongs to no package. */
export const databaseOwner = "@dpkg";

const scripts = new Set(["preinst", "postinst", "prerm", "postrm", "config"]);
const directories = ["alternatives", "info", "parts", "triggers", "updates"];

export interface DatabaseInput {
  /** Entries of the root before, by path: its database is read. */
  readonly before: ReadonlyMap<ImagePath, Entry>;
  /** Entries with the new packages' files. */
  readonly after: ReadonlyMap<ImagePath, Entry>;
  /** In the order of unpacking. */
  readonly packages: readonly DescribedPackage[];
  readonly contents: Contents;
  /** The root's own, as Debian names it. */
  readonly architecture: string;
}

/**
 * What dpkg's database holds once packages are unpacked and none of them is configured (dpkg's
 * doc/internals; deb-triggers(5)): stanzas in `status`, the files of `info/`, interests in triggers, and the
 * activations of file triggers that wait for the next run in `triggers/Unincorp`. dpkg itself does the rest
 * and rewrites what it touches.
 */
export function unpackedDatabase(input: DatabaseInput): readonly OwnedEntry[] {
  const made: OwnedEntry[] = [];
  const put = (name: string, text: string | Uint8Array, owner = databaseOwner): void => {
    const bytes = typeof text === "string" ? Buffer.from(text, "utf8") : text;
    made.push({ entry: fileEntry(parsePath(`${adminDir}/${name}`), bytes, input.contents), owner });
  };
  for (const name of directories) {
    const entry = plainDirectory(parsePath(`${adminDir}/${name}`));
    if (!input.after.has(entry.path)) made.push({ entry, owner: databaseOwner });
  }
  const stanzas = input.packages.map((item) => stanzaOf(item, input));
  const status = Buffer.from(readText(input, "status"), "latin1");
  put("status", Buffer.concat([status, ...stanzas.map((text) => Buffer.from(`${text}\n`, "utf8"))]));
  put("info/format", "1\n");
  if (!input.before.has(parsePath(`${adminDir}/diversions`))) put("diversions", "");
  made.push(...input.packages.flatMap((item) => infoFiles(item, input)));
  for (const [name, text] of triggerFiles(input)) put(`triggers/${name}`, text);
  const architectures = foreignArchitectures(input);
  if (architectures !== undefined) put("arch", architectures);
  const states = extendedStates(input);
  if (states !== undefined) made.push(states);
  return made;
}

/** A file of the database before, as latin1 text; empty where there is none. */
function readText({ before, contents }: DatabaseInput, name: string): string {
  const entry = before.get(parsePath(`${adminDir}/${name}`));
  return entry?.type === "file" ? Buffer.from(contents.read(entry.content)).toString("latin1") : "";
}

/** A new conffile has no digest yet: dpkg finds it as NAME.dpkg-new when it configures the package. */
function stanzaOf(item: DescribedPackage, { contents }: DatabaseInput): string {
  const control = Buffer.from(readControl(item, "control", contents) as Uint8Array).toString("utf8");
  const conffiles = item.conffiles.map((path) => ` /${path} newconffile`);
  const text = statusStanza(control, { status: "install ok unpacked", conffiles });
  if (text === undefined) throw invalidControl(item, "control", "it has no stanza");
  return text;
}

function infoFiles(item: DescribedPackage, input: DatabaseInput): readonly OwnedEntry[] {
  const { contents } = input;
  const path = (name: string): ImagePath => parsePath(`${adminDir}/info/${item.infoName}.${name}`);
  const files: OwnedEntry[] = [];
  for (const [name, digest] of item.control) {
    if (name === "control" || name === "list") continue;
    const { length: sizeBytes } = contents.read(digest);
    const mode = scripts.has(name) ? 0o755 : 0o644;
    const meta = { uid: 0, gid: 0, mtimeSeconds: 0, mode };
    files.push({ entry: { ...meta, type: "file", path: path(name), content: digest, sizeBytes }, owner: item.id });
  }
  files.push({ entry: fileEntry(path("list"), contents.read(item.list), contents), owner: item.id });
  if (!item.control.has("md5sums")) {
    files.push({ entry: fileEntry(path("md5sums"), hashFiles(item, contents), contents), owner: item.id });
  }
  return files;
}

/** What dpkg writes itself where a package brings no md5sums: all its files but conffiles, in the list's order. */
function hashFiles(item: DescribedPackage, contents: Contents): Uint8Array {
  const conffiles = new Set<string>(item.conffiles);
  const files = new Map<string, Entry>(item.tree.map((entry) => [entry.path, entry]));
  const lines: Buffer[] = [];
  for (const line of nameFromBytes(contents.read(item.list)).split("\n")) {
    const path = line.slice(1);
    if (path === "" || path === "." || conffiles.has(path)) continue;
    const entry = files.get(finalPath(parsePath(path), fullLayout));
    const file = entry?.type === "hardlink" ? files.get(entry.target) : entry;
    if (file?.type !== "file") continue;
    const md5 = createHash("md5").update(contents.read(file.content)).digest("hex");
    lines.push(Buffer.from(`${md5}  `), pathToBytes(path), Buffer.from("\n"));
  }
  return Buffer.concat(lines);
}

/** What `dpkg --add-architecture` leaves: the native one, then the others; undefined where nothing is added. */
function foreignArchitectures(input: DatabaseInput): string | undefined {
  const known = readText(input, "arch").split("\n").filter((line) => line !== "");
  const all = new Set([...known, input.architecture]);
  for (const { locked } of input.packages) if (locked.architecture !== "all") all.add(locked.architecture);
  return all.size === Math.max(1, known.length) ? undefined : [...all].map((name) => `${name}\n`).join("");
}

/** What apt remembers of packages that came because others need them, so that it may take them away again. */
function extendedStates({ before, after, packages, contents, architecture: native }: DatabaseInput): OwnedEntry | undefined {
  const path = parsePath("var/lib/apt/extended_states");
  const automatic = packages.filter(({ locked }) => locked.phase === "packages" && !locked.by.includes("spec"));
  if (automatic.length === 0 || !after.has(parsePath("var/lib/apt"))) return undefined;
  const known = before.get(path);
  const text = known?.type === "file" ? Buffer.from(contents.read(known.content)).toString("utf8") : "";
  const stanzas = automatic.map(({ locked }) => {
    const { name } = locked;
    const architecture = locked.architecture === "all" ? native : locked.architecture;
    return `Package: ${name}\nArchitecture: ${architecture}\nAuto-Installed: 1\n\n`;
  });
  return { entry: fileEntry(path, Buffer.from(`${text}${stanzas.join("")}`, "utf8"), contents), owner: "@apt" };
}

/** By file name below `triggers/`, the texts that change. */
function triggerFiles(input: DatabaseInput): ReadonlyMap<string, string> {
  const files = new Map<string, TriggerInterest[]>();
  const known = parseFileInterests(Buffer.from(readText(input, "triggers/File"), "latin1"));
  const listOf = (trigger: string): TriggerInterest[] => {
    const name = trigger.startsWith("/") ? "File" : trigger;
    const list = files.get(name) ?? interestsBefore(input, name, known);
    files.set(name, list);
    return list;
  };
  for (const item of input.packages) {
    const bytes = readControl(item, "triggers", input.contents);
    if (bytes === undefined) continue;
    for (const { kind, trigger, awaits } of parseTriggers(bytes)) {
      if (kind === "interest") listOf(trigger).push({ trigger, package: item.infoName, awaits });
    }
  }
  const texts = new Map([...files].map(([name, list]) => [name, encodeInterests(list)]));
  const activated = activatedTriggers(input.packages, known);
  return activated.length === 0
    ? texts
    : texts.set("Unincorp", `${readText(input, "triggers/Unincorp")}${activated.map((path) => `${path} -\n`).join("")}`);
}

function interestsBefore(input: DatabaseInput, name: string, files: readonly TriggerInterest[]): TriggerInterest[] {
  if (name === "File") return [...files];
  return [...parseNamedInterests(Buffer.from(readText(input, `triggers/${name}`), "latin1"), name)];
}

/** File triggers that the new packages' files set off; of packages that are configured already. */
function activatedTriggers(
  packages: readonly DescribedPackage[],
  interests: readonly TriggerInterest[],
): readonly string[] {
  const triggers = new Set(interests.map(({ trigger }) => trigger));
  if (triggers.size === 0) return [];
  const paths = new Set(packages.flatMap(({ tree }) => tree.map(({ path }) => `/${path}`)));
  return [...triggers].filter((trigger) => [...paths].some((path) => isBelowTrigger(path, trigger))).sort();
}
