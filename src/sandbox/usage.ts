// SPDX-License-Identifier: Apache-2.0
import { lstatSync, readdirSync, readFileSync, statfsSync } from "node:fs";
import { join } from "node:path";

import { isSystemError } from "../base/index.ts";

const pageBytes = 4096;

/** Processes below one, and the memory they hold, from /proc. */
export function processUsage(pid: number): { readonly processes: number; readonly memoryBytes: number } {
  let memoryBytes = 0;
  let processes = 0;
  const children = childrenByParent();
  const queue = [...(children.get(pid) ?? [])];
  for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
    processes++;
    memoryBytes += one.memoryBytes;
    queue.push(...(children.get(one.pid) ?? []));
  }
  return { processes, memoryBytes };
}

/** The processes that have this parent. */
export function childrenOf(pid: number): number[] {
  return (childrenByParent().get(pid) ?? []).map((row) => row.pid);
}

interface ProcessRow {
  readonly pid: number;
  readonly memoryBytes: number;
}

/** All processes of the host that can be seen, by parent: /proc has no index, and `children` is optional there. */
function childrenByParent(): Map<number, ProcessRow[]> {
  const rows = new Map<number, ProcessRow[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const row = readRow(name);
    if (row === undefined) continue;
    const siblings = rows.get(row.parent) ?? [];
    siblings.push(row);
    rows.set(row.parent, siblings);
  }
  return rows;
}

function readRow(name: string): (ProcessRow & { readonly parent: number }) | undefined {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, "latin1");
    // The name of the program stands in parentheses and may hold anything (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const parent = Number(fields[1]);
    const [, resident, shared] = readFileSync(`/proc/${name}/statm`, "latin1").split(" ").map(Number);
    return { pid: Number(name), parent, memoryBytes: ((resident ?? 0) - (shared ?? 0)) * pageBytes };
  } catch (error) {
    // It ended meanwhile.
    if (isSystemError(error, "ENOENT", "ESRCH", "EACCES")) return undefined;
    throw error;
  }
}

/** Bytes that are free for us on the file system of a directory. */
export function freeBytes(dir: string): number {
  const stats = statfsSync(dir);
  return stats.bavail * stats.bsize;
}

/** Bytes on disk of what lies below a directory; what cannot be looked at is left out. */
export function diskBytesOf(dir: string): number {
  let bytes = 0;
  const queue = [dir];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const entry of entriesOf(at)) {
      const path = join(at, entry.name);
      bytes += (lstatSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
      if (entry.isDirectory()) queue.push(path);
    }
  }
  return bytes;
}

function entriesOf(dir: string): ReturnType<typeof readEntries> {
  try {
    return readEntries(dir);
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EACCES", "ENOTDIR")) return [];
    throw error;
  }
}

function readEntries(dir: string): { readonly name: string; isDirectory(): boolean }[] {
  return readdirSync(dir, { withFileTypes: true });
}
