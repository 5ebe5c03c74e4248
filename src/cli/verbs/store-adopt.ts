// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import { AshlarError, type Json } from "../../base/index.ts";
import type { AdoptReport, Store } from "../../store/index.ts";
import { openForReading } from "../open-store.ts";
import { makeProgress } from "../progress.ts";
import type { GlobalOptions, Outcome, Shell } from "../shell.ts";
import { printable, showBytes, showTable } from "../show.ts";

interface AdoptOptions extends GlobalOptions {
  readonly list?: boolean;
  readonly forget?: string;
}

/** `ashlar store adopt`. Throws `USAGE_ADOPT`, `STORE_ADOPT_DIR`. */
export async function adopt(shell: Shell, dirs: readonly string[], options: AdoptOptions): Promise<Outcome> {
  const asked = Number(dirs.length > 0) + Number(options.list === true) + Number(options.forget !== undefined);
  if (asked !== 1) {
    throw new AshlarError("USAGE_ADOPT", "Cannot adopt: want directories, or --list, or --forget DIR", {
      hint: "ashlar store adopt /usr",
    });
  }
  const store = await openForReading(shell, options);
  try {
    if (options.list === true) return list(store);
    if (options.forget !== undefined) return forget(store, resolve(shell.cwd, options.forget));
    return add({ shell, store, options }, dirs.map((dir) => resolve(shell.cwd, dir)));
  } finally {
    store.close();
  }
}

function list(store: Store): Outcome {
  const adopted = store.adopted.list();
  const rows = adopted.map(({ dir, files, bytes }) => [printable(dir), files, showBytes(bytes)]);
  return { text: showTable(rows), json: adopted as unknown as Json };
}

function forget(store: Store, dir: string): Outcome {
  if (store.adopted.forget(dir)) return { text: `forgot ${printable(dir)}\n`, json: { forgot: dir } };
  const known = store.adopted.list().map((adopted) => adopted.dir);
  throw new AshlarError("STORE_ADOPT_DIR", `Cannot forget "${dir}": it was not adopted`, {
    because: [known.length === 0 ? "no directory was" : `adopted are ${known.join(", ")}`],
  });
}

interface Adding {
  readonly shell: Shell;
  readonly store: Store;
  readonly options: GlobalOptions;
}

function add({ shell, store, options }: Adding, dirs: readonly string[]): Outcome {
  const progress = makeProgress(shell, options);
  const reports = dirs.map((dir): AdoptReport & { readonly seconds: number } => {
    const step = progress.start(`adopt ${printable(dir)}`, undefined, "bytes");
    const started = performance.now();
    const report = store.adopted.add(dir, { onRead: (bytes) => step.advance(bytes) });
    const seconds = Math.round(performance.now() - started) / 1000;
    step.done(`read ${report.readFiles} files, ${showBytes(report.readBytes)}, in ${seconds.toFixed(1)} s`);
    return { ...report, seconds };
  });
  return { text: reports.map(line).join(""), json: reports as unknown as Json };
}

function line({ dir, files, bytes, skipped, forgotten }: AdoptReport): string {
  const more = [
    skipped > 0 ? `${skipped} could not be read` : "",
    forgotten > 0 ? `${forgotten} are gone since the last time` : "",
  ];
  const rest = more.filter(Boolean).map((text) => `; ${text}`).join("");
  return `${printable(dir)}: ${files} files, ${showBytes(bytes)}${rest}\n`;
}
