// SPDX-License-Identifier: Apache-2.0
import type { FileEntry } from "../../formats/index.ts";
import type { FoundSecret, Rule, RuleChange } from "./rule.ts";
import type { RuleRoot } from "./rule-root.ts";
import { type SecretKind, secretKindOf } from "./secret-kinds.ts";

/** Keys are small; what is larger is looked at by its path alone. */
const textMax = 64 << 10;

export const installationSecrets: Rule = {
  name: "installation-secrets",
  why: "a key made while packages are installed would be the same in every container of the image, and public",
  apply(root) {
    const found = root.madeNames().flatMap((file) => {
      const kind = secretKindOf(file.path, () => textOf(root, file));
      if (kind === undefined) return [];
      return [{ file, kind: root.by === "steps" ? { ...kind, action: "keep" as const } : kind }];
    });
    const removed = new Map(
      found
        .filter(({ kind }) => kind.action === "remove")
        .map(({ file, kind }) => [file.path as string, kind]),
    );
    return [...found.map(({ file, kind }) => change(file, kind)), ...hashLinks(root, removed)];
  },
};

function textOf(root: RuleRoot, file: FileEntry): string {
  const bytes = file.sizeBytes > textMax ? undefined : root.read(file);
  return bytes === undefined ? "" : Buffer.from(bytes).toString("latin1");
}

function change({ path }: FileEntry, kind: SecretKind): RuleChange {
  const secret: FoundSecret = {
    kind: kind.kind,
    ...(kind.package !== undefined && { package: kind.package }),
    ...(kind.regenerate !== undefined && { regenerate: kind.regenerate }),
  };
  if (kind.action === "keep") return { kind: "keep", path, what: `kept: ${kind.kind}`, secret };
  return { kind: "remove", path, what: `removed: ${kind.kind}`, secret };
}

/** OpenSSL's links from a hash to a certificate, which would lead nowhere. */
function hashLinks(root: RuleRoot, removed: ReadonlyMap<string, SecretKind>): readonly RuleChange[] {
  return root.made.flatMap((entry) => {
    if (entry.type !== "symlink" || !/^etc\/ssl\/certs\/[0-9a-f]{8}\.\d+$/.test(entry.path)) return [];
    if (!removed.has(entry.target.startsWith("/") ? entry.target.slice(1) : `etc/ssl/certs/${entry.target}`))
      return [];
    return [{ kind: "remove", path: entry.path, what: `removed: link to ${entry.target}` }];
  });
}
