// SPDX-License-Identifier: Apache-2.0
import { AshlarError, parsePath } from "../base/index.ts";
import type { Meta } from "../formats/index.ts";
import type { AppItem } from "../spec/index.ts";
import { type Accounts, groupOf, resolveOwner } from "./accounts.ts";
import type { ContentSink } from "./content.ts";
import type { OwnedTree } from "./merge-trees.ts";
import { applyMode } from "./mode.ts";
import type { ProjectFile, ProjectFiles } from "./project-files.ts";
import { selectFiles } from "./select-files.ts";
import { type DirectoryMeta, TreeEditor } from "./tree-editor.ts";

export interface AppOptions {
  readonly accounts: Accounts;
  readonly project: ProjectFiles;
  readonly contents: ContentSink;
  /** The outputs of the image's steps, by name. */
  readonly outputs?: ReadonlyMap<string, ProjectFiles>;
  /** Of every entry that is made: SOURCE_DATE_EPOCH where it is set, else 0. */
  readonly mtimeSeconds: number;
}

type CopyItem = Extract<AppItem, { kind: "copy" }>;
type OutputItem = Extract<AppItem, { kind: "output" }>;
type Placed = Pick<CopyItem, "owner" | "group" | "mode">;

/**
 * Puts the items of `app` over a tree, in their order. Files may take the place of the system's files, never
 * of directories. Directories that are missing are made, root's and 0755; those that a glob brings along have
 * the item's owner. Errors: those of `selectFiles`, `applyMode`, `resolveOwner` and `TreeEditor`.
 */
export function appTree(below: OwnedTree, items: readonly AppItem[], options: AppOptions): OwnedTree {
  if (items.length === 0) return below;
  const editor = new TreeEditor(below, { owner: "@app", mtimeSeconds: options.mtimeSeconds });
  for (const item of items) addItem(editor, item, options);
  return editor.finish();
}

function addItem(editor: TreeEditor, item: AppItem, options: AppOptions): void {
  switch (item.kind) {
    case "copy":
      return addCopy(editor, item, options);
    case "output":
      return addOutput(editor, item, options);
    case "write":
      return addWrite(editor, item, options);
    case "dir":
      return addDirectory(editor, item, options);
    case "link":
      return addLink(editor, item, options.mtimeSeconds);
  }
}

function addCopy(editor: TreeEditor, item: CopyItem, options: AppOptions): void {
  const { files, isMany } = selectFiles(item.from, item.exclude, options.project);
  const owner = ownerOf(item, options.accounts);
  const into = isMany || item.to.endsWith("/");
  for (const { file, below } of files) {
    if (into) makeMirrored(editor, { to: item.to, below, meta: { ...owner, mode: directoryMode(item.mode) } });
    addFile(editor, into ? `${item.to.replace(/\/+$/, "")}/${below}` : item.to, { file, item, owner, options });
  }
  if (into) editor.realDirectory(item.to);
}

/** Outputs are placed as files of the project are; the step was asked for each of them, so none is passed over. */
function addOutput(editor: TreeEditor, item: OutputItem, options: AppOptions): void {
  const { kind: _kind, step, ...placed } = item;
  const project = options.outputs?.get(step);
  if (project === undefined) throw new Error(`internal error: step "${step}" was not made`);
  addCopy(editor, { ...placed, kind: "copy", exclude: [] }, { ...options, project });
}

/** Octal modes are meant for files; symbols are meant for both. */
function directoryMode(mode: string | undefined): number {
  return mode === undefined || /^[0-7]/.test(mode) ? 0o755 : applyMode(mode, 0o755, { isDirectory: true });
}

interface Mirrored {
  readonly to: string;
  readonly below: string;
  readonly meta: DirectoryMeta;
}

/** The directories between `to` and a file, as the project has them. */
function makeMirrored(editor: TreeEditor, { to, below, meta }: Mirrored): void {
  const parts = below.split("/").slice(0, -1);
  const start = to.replace(/\/+$/, "");
  parts.forEach((_, i) => editor.realDirectory(`${start}/${parts.slice(0, i + 1).join("/")}`, meta));
}

interface Copying {
  readonly file: ProjectFile;
  readonly item: CopyItem;
  readonly owner: Pick<Meta, "uid" | "gid">;
  readonly options: AppOptions;
}

function addFile(editor: TreeEditor, to: string, { file, item, owner, options }: Copying): void {
  const { mtimeSeconds, project } = options;
  const target = file.symlinkTarget;
  if (target !== undefined) {
    return editor.put(to, (path) => ({ type: "symlink", path, mode: 0o777, ...owner, mtimeSeconds, target }));
  }
  const base = file.executable ? 0o755 : 0o644;
  const mode = item.mode === undefined ? base : applyMode(item.mode, base, { isDirectory: false });
  const { digest: content, sizeBytes } = project.content(file.path);
  editor.put(to, (path) => ({ type: "file", path, mode, ...owner, mtimeSeconds, content, sizeBytes }));
}

function addWrite(editor: TreeEditor, item: Extract<AppItem, { kind: "write" }>, options: AppOptions): void {
  const { digest: content, sizeBytes } = options.contents.put(Buffer.from(item.text, "utf8"));
  const mode = item.mode === undefined ? 0o644 : applyMode(item.mode, 0o644, { isDirectory: false });
  const owner = ownerOf(item, options.accounts);
  const { mtimeSeconds } = options;
  editor.put(item.to, (path) => ({ type: "file", path, mode, ...owner, mtimeSeconds, content, sizeBytes }));
}

function addDirectory(editor: TreeEditor, item: Extract<AppItem, { kind: "dir" }>, { accounts }: AppOptions): void {
  parsePath(item.path);
  const existing = editor.resolve(item.path);
  const isPlain = item.owner === undefined && item.group === undefined && item.mode === undefined;
  if (existing?.type === "dir" && isPlain) return;
  const base = existing?.type === "dir" ? existing.mode : 0o755;
  const mode = item.mode === undefined ? base : applyMode(item.mode, base, { isDirectory: true });
  const given = ownerOf(item, accounts);
  const keeps = existing?.type === "dir" && item.owner === undefined;
  const uid = keeps ? existing.uid : given.uid;
  const gid = keeps && item.group === undefined ? existing.gid : given.gid;
  editor.makeDirectory(item.path, { mode, uid, gid });
}

function addLink(editor: TreeEditor, item: Extract<AppItem, { kind: "link" }>, mtimeSeconds: number): void {
  const { target } = item;
  if (target === "" || target.includes("\0") || Buffer.byteLength(target) > 4095) {
    throw new AshlarError(
      "ASSEMBLE_APP_LINK",
      `Cannot make link "${item.path}": want a target of 1 to 4095 bytes without NUL`,
    );
  }
  editor.put(item.path, (path) => ({ type: "symlink", path, mode: 0o777, uid: 0, gid: 0, mtimeSeconds, target }));
}

function ownerOf({ owner, group }: Placed, accounts: Accounts): Pick<Meta, "uid" | "gid"> {
  const uid = owner === undefined ? 0 : resolveOwner(accounts, owner, "user");
  const gid = group === undefined ? groupOf(accounts, uid) : resolveOwner(accounts, group, "group");
  return { uid, gid };
}
