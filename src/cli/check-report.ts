// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import type { BuildDifference, PathDifference } from "../build/index.ts";
import type { Circumstances } from "./check-circumstances.ts";

/** What is different in two builds. */
export interface Compared {
  /** The first of each image and platform. */
  readonly differences: readonly BuildDifference[];
  /** All of the root file systems. */
  readonly paths: readonly PathDifference[];
}

/** Shown; `--json` has up to `detailedMax`. */
const shownMax = 30;
const detailedMax = 10_000;

/** `CHECK_DIFFERS`: where the builds part, which paths differ, and what these look like. */
export function differs({ differences, paths }: Compared, circumstances: Circumstances): AshlarError {
  const [first] = differences as [BuildDifference];
  const because = differences.map((one) => `${showPlace(one)}: ${one.what}`);
  const message = `Cannot reproduce image "${first.image}": the second build differs, want the same bytes`;
  const { varied, kept } = circumstances;
  return new AshlarError("CHECK_DIFFERS", message, {
    because: [...because, ...showPaths(differences, paths), circumstancesText(circumstances)],
    hint: paths.some(({ candidates }) => candidates.length > 0)
      ? "files made by packages need a rule (docs/determinism-rules.md); a step of your own leaves such things away"
      : "look for what the project's files or the packages take from the circumstances that were varied",
    details: { differences, paths: paths.slice(0, detailedMax), pathCount: paths.length, varied, kept },
  });
}

/** e.g. `web, linux/amd64, layer "app", /srv/index.html, byte 12 of the content` (bytes count from 0) */
function showPlace({ image, platform, part, layer, path, offset, within }: BuildDifference): string {
  const where = part === "layer" ? `layer "${layer ?? ""}"` : part;
  const names = {
    content: "the content",
    tar: "the tar",
    blob: "the compressed layer",
    document: "the document",
  };
  return [
    image,
    ...(platform === undefined ? [] : [platform]),
    where,
    ...(path === undefined ? [] : [`/${path}`]),
    ...(offset === undefined ? [] : [`byte ${offset} of ${names[within]}`]),
  ].join(", ");
}

/** Paths beyond those that the first differences name already, and what a path looks like in any case. */
function showPaths(
  differences: readonly BuildDifference[],
  paths: readonly PathDifference[],
): readonly string[] {
  const named = new Set(differences.map(({ image, platform, path }) => `${image} ${platform} ${path}`));
  const news = paths.filter(
    ({ image, platform, path, candidates }) =>
      candidates.length > 0 || !named.has(`${image} ${platform} ${path}`),
  );
  const lines = news.slice(0, shownMax).map(showPath);
  return news.length > shownMax ? [...lines, `and ${news.length - shownMax} more paths`] : lines;
}

/** e.g. `web, linux/amd64, /etc/x, from byte 7: the content differs; it holds the date "2026-11-21"` */
function showPath({ image, platform, path, offset, what, candidates }: PathDifference): string {
  const from = offset === undefined ? "" : `, from byte ${offset}`;
  return [`${image}, ${platform}, /${path}${from}: ${what}`, ...candidates.map((one) => one.what)].join("; ");
}

/** `CHECK_FAILED`: the second build's own last words. */
export function secondFailed(
  words: string,
  { status, circumstances }: { readonly status: number | null; readonly circumstances: Circumstances },
): AshlarError {
  const message = "Cannot build a second time: the first build ended well, the second did not";
  return new AshlarError("CHECK_FAILED", message, {
    because: [words, circumstancesText(circumstances)],
    details: { exitCode: status, varied: circumstances.varied, kept: circumstances.kept },
  });
}

function circumstancesText({ varied }: Circumstances): string {
  return `varied in the second build: ${varied.join(", ")}`;
}
