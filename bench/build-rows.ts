// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type Command, compare, type Figures } from "./measure.ts";
import { type Row, showMegabytes, showRun } from "./report.ts";
import type { Workshop } from "./workshop.ts";

const memoryBytesMax = 300e6;

/** The rows of the budget that are about building. */
export const buildRows: readonly ((workshop: Workshop) => Row)[] = [
  cold,
  unchanged,
  oneFile,
  onePackage,
  memory,
];

/** What the last cold run used at its peak; the memory row shows it. */
let coldFigures: Figures | undefined;

function cold(workshop: Workshop): Row {
  const spec = workshop.spec("r2");
  const out = join(workshop.dir, "cold-out");
  const store = join(workshop.dir, "cold-store");
  const prepare = (): void => {
    workshop.freshStore("cold-store");
    rmSync(out, { recursive: true, force: true });
  };
  const argv = [
    workshop.ashlar,
    "build",
    spec,
    "--offline",
    "--quiet",
    "--store",
    store,
    "--output",
    `oci:${out}`,
  ];
  const ours: Command = { name: "cold", prepare, argv };
  const [figures, extract, floor] = compare(
    [ours, dpkgExtract(workshop), dpkgTar(workshop)],
    workshop.runs,
  ) as [Figures, Figures, Figures];
  coldFigures = figures;
  const wall = figures.wallSeconds / extract.wallSeconds;
  const cpu = figures.cpuSeconds / floor.cpuSeconds;
  return {
    work: `cold build of R2, ${workshop.debs("r2").length} .debs local, OCI layout written`,
    ours: showRun(figures),
    peer: `dpkg-deb -x: ${showRun(extract)}; with tar, zstd -3 and sha256 of both: ${showRun(floor)}`,
    budget: `wall ${wall.toFixed(2)} of dpkg-deb -x (1.00); CPU ${cpu.toFixed(2)} of all of it (1.00)`,
    met: wall <= 1 && cpu <= 1,
  };
}

function dpkgExtract(workshop: Workshop): Command {
  const root = join(workshop.dir, "dpkg-root");
  const script = `mkdir ${root}; for deb in ${workshop.debs("r2").join(" ")}; do dpkg-deb -x $deb ${root}; done`;
  return {
    name: "dpkg-deb -x",
    prepare: () => rmSync(root, { recursive: true, force: true }),
    argv: ["sh", "-c", script],
  };
}

function dpkgTar(workshop: Workshop): Command {
  const extract = dpkgExtract(workshop);
  const [root, tar] = [join(workshop.dir, "dpkg-root"), join(workshop.dir, "dpkg.tar")];
  const zstd = `zstd -q -f -3 -T1 ${tar} -o ${tar}.zst`;
  const pack = `tar -C ${root} -cf ${tar} . && ${zstd} && openssl dgst -sha256 ${tar} ${tar}.zst`;
  return { ...extract, name: "dpkg-deb, tar, zstd", argv: ["sh", "-c", `${extract.argv[2]}; ${pack}`] };
}

function unchanged(workshop: Workshop): Row {
  const spec = workshop.spec("r2");
  const argv = [workshop.ashlar, "build", spec, "--frozen", "--quiet", "--store", workshop.warmStore];
  workshop.run(argv);
  const [figures, node] = compare([{ name: "unchanged", argv }, bareNode()], workshop.runs) as [
    Figures,
    Figures,
  ];
  return within("nothing changed (R2)", figures, { peer: `node -e 0: ${showRun(node)}`, wallSeconds: 0.15 });
}

/** What any program on Node costs before its first line. */
function bareNode(): Command {
  return { name: "node", argv: [process.execPath, "-e", "0"] };
}

function oneFile(workshop: Workshop): Row {
  const spec = workshop.spec("r2");
  let count = 0;
  const prepare = (): void => appendFileSync(join(spec, "app/file.txt"), `change ${count++}\n`);
  const argv = [workshop.ashlar, "build", spec, "--frozen", "--quiet", "--store", workshop.warmStore];
  const [figures] = compare([{ name: "one file", prepare, argv }], workshop.runs) as [Figures];
  return within("one application file changed (R2)", figures, {
    peer: "docker build: 1.4 s (an earlier figure, not of this run)",
    wallSeconds: 0.25,
  });
}

function onePackage(workshop: Workshop): Row {
  const spec = workshop.spec("r2");
  const text = workshop.run(["cat", join(spec, "ashlar.yaml")]);
  const more = join(workshop.dir, "specs/r2-more");
  workshop.run(["cp", "-r", spec, more]);
  writeFileSync(
    join(more, "ashlar.yaml"),
    text.replace("bench/r2", "bench/more").replace("[nginx,", "[less, nginx,"),
  );
  workshop.run([workshop.ashlar, "build", more, "--quiet", "--store", workshop.warmStore]);
  const store = join(workshop.dir, "more-store");
  const prepare = (): void => {
    workshop.freshStore("more-store");
    workshop.run([workshop.ashlar, "build", spec, "--offline", "--frozen", "--quiet", "--store", store]);
  };
  const argv = [workshop.ashlar, "build", more, "--offline", "--frozen", "--quiet", "--store", store];
  const [figures] = compare([{ name: "one package", prepare, argv }], workshop.runs) as [Figures];
  return within("one package added to R2, its .deb local", figures, {
    peer: "docker RUN: 4.7 s (an earlier figure, not of this run)",
    wallSeconds: 1,
  });
}

function within(
  work: string,
  figures: Figures,
  { peer, wallSeconds }: { peer: string; wallSeconds: number },
): Row {
  return {
    work,
    ours: showRun(figures),
    peer,
    budget: `${wallSeconds} s wall`,
    met: figures.wallSeconds <= wallSeconds,
  };
}

function memory(workshop: Workshop): Row {
  if (coldFigures === undefined) cold(workshop);
  const peak = (coldFigures as Figures).peakBytes;
  const peer = "mmdebstrap: 190 MB (an earlier figure, not of this run)";
  return {
    work: "peak memory of the cold build",
    ours: showMegabytes(peak),
    peer,
    budget: "300 MB",
    met: peak <= memoryBytesMax,
  };
}
