// SPDX-License-Identifier: Apache-2.0
import type { Entry } from "../../formats/index.ts";
import type { Rule, RuleChange } from "./rule.ts";
import type { RuleRoot } from "./rule-root.ts";

interface ClusterKind {
  readonly kind: string;
  readonly package: string;
  /** A file that every cluster has; its first group is the directory of the data. */
  readonly marker: RegExp;
  /** Directories that go with it; `$1` is the data's, `$2` the second group. All they hold goes, or they go too. */
  readonly directories: readonly { readonly path: string; readonly whole: boolean }[];
  readonly regenerate: string;
}

const clusterKinds: readonly ClusterKind[] = [
  {
    kind: "PostgreSQL cluster",
    package: "postgresql",
    marker: /^(var\/lib\/postgresql\/(\d+\/main))\/global\/pg_control$/,
    directories: [
      { path: "$1", whole: true },
      { path: "etc/postgresql/$2", whole: true },
      { path: "var/log/postgresql", whole: false },
    ],
    regenerate: "pg_createcluster VERSION main",
  },
  {
    kind: "MariaDB or MySQL data",
    package: "mariadb-server",
    marker: /^(var\/lib\/mysql)\/(mysql\.ibd|ibdata1)$/,
    directories: [{ path: "$1", whole: false }],
    regenerate: "mariadb-install-db --user=mysql",
  },
];

/**
 * What is left is what a service needs to make its cluster: the directories above, with their owners. Images
 * of databases make it at their first start in any case, in a volume.
 */
export const databaseClusters: Rule = {
  name: "database-clusters",
  why: "a database made at installation has an identity, times and a write-ahead log of its own",
  apply: (root) => clusterKinds.flatMap((kind) => root.made.flatMap((entry) => clusterOf(root, kind, entry))),
};

function clusterOf(root: RuleRoot, kind: ClusterKind, marker: Entry): readonly RuleChange[] {
  const match = kind.marker.exec(marker.path);
  if (match === null) return [];
  const secret = { kind: kind.kind, package: kind.package, regenerate: kind.regenerate };
  const gone = kind.directories.flatMap(({ path, whole }) => {
    const directory = path.replace(/\$(\d)/g, (_, group: string) => match[Number(group)] ?? "");
    return root.made.filter(
      (entry) => entry.path.startsWith(`${directory}/`) || (whole && entry.path === directory),
    );
  });
  if (root.by === "steps") return [{ kind: "keep", path: marker.path, what: `kept: ${kind.kind}`, secret }];
  return gone.map(({ path }) => {
    const change = { kind: "remove", path, what: `removed: ${kind.kind}` } as const;
    return path === marker.path ? { ...change, secret } : change;
  });
}
