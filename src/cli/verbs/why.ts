// SPDX-License-Identifier: Apache-2.0
import { type Json, showPath } from "../../base/index.ts";
import { findReason, type LookedImage, type Reason } from "../../build/index.ts";
import { type LookOptions, withImages } from "../look.ts";
import type { Outcome, Shell } from "../shell.ts";

/** `ashlar why IMAGE PATH|PKG` */
export async function why(
  shell: Shell,
  image: string,
  subject: string,
  options: LookOptions,
): Promise<Outcome> {
  return withImages(shell, { texts: [image], options }, async ([looked]) => {
    const reason = await findReason(looked as LookedImage, subject);
    return { text: showReason(reason), json: reason as unknown as Json };
  });
}

const steps: Readonly<Record<string, string>> = {
  "@accounts": "made from base-passwd's accounts (docs/unpack.md)",
  "@app": "an item of `app` in the spec",
  "@ashlar": "made by Ashlar",
  "@base": "came with the image in `from`, where no package has it",
  "@ca-certificates": "made from ca-certificates, as its script would (docs/unpack.md)",
  "@run": "made by a command of `system.run` in the spec",
  "@skeleton": "part of every root file system (docs/unpack.md)",
  "@users": "`users` of the spec",
};

function showReason({ path, owner, chain, by }: Reason): string {
  const lines = path === undefined ? [] : [showPath(path)];
  if (owner.startsWith("@")) return `${[...lines, `└─ ${steps[owner] ?? owner.slice(1)}`].join("\n")}\n`;
  const shown = chain.map((name, i) => {
    if (name === "spec") return "named in the spec";
    if (name === "from") return "came with the image in `from`";
    if (name === "base") return "part of the suite's base set";
    return i === 0 ? `package ${name}` : `needed by ${name}`;
  });
  shown.forEach((text, i) => {
    const depth = path === undefined ? i - 1 : i;
    lines.push(depth < 0 ? text : `${"   ".repeat(depth)}└─ ${text}`);
  });
  const others = by.filter((name) => name !== chain[1]);
  if (others.length > 0) lines.push(`${owner} is also needed by ${others.join(", ")}`);
  return `${lines.join("\n")}\n`;
}
