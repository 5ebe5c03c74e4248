// SPDX-License-Identifier: Apache-2.0
export {
  type DeviceEntry,
  type DirEntry,
  encodeTree,
  type Entry,
  type FifoEntry,
  type FileEntry,
  type HardlinkEntry,
  makeTree,
  type Meta,
  parseTree,
  type SymlinkEntry,
  type Tree,
} from "./tree.ts";
