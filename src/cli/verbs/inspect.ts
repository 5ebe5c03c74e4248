// SPDX-License-Identifier: Apache-2.0
import { sizeOf } from "../../assemble/index.ts";
import type { Json } from "../../base/index.ts";
import type { LookedImage, LookedLayer } from "../../build/index.ts";
import { formatPlatform, type ImageConfig } from "../../oci/index.ts";
import type { InstalledPackage } from "../../query/index.ts";
import { type LookOptions, withImages } from "../look.ts";
import type { Outcome, Shell } from "../shell.ts";
import { printable, showBytes, showTable } from "../show.ts";

interface InspectOptions extends LookOptions {
  readonly packages?: boolean;
}

/** `ashlar inspect IMAGE` */
export async function inspect(shell: Shell, image: string, options: InspectOptions): Promise<Outcome> {
  return withImages(shell, { texts: [image], options }, async ([looked]) => {
    const seen = await see(looked as LookedImage);
    return { text: showImage(seen, options), json: jsonOf(seen) };
  });
}

interface Seen {
  readonly image: LookedImage;
  readonly layers: readonly LookedLayer[];
  readonly packages: readonly InstalledPackage[];
  readonly files: number;
  readonly fileBytes: number;
}

async function see(image: LookedImage): Promise<Seen> {
  const tree = await image.tree();
  const files = tree.filter((entry) => entry.type === "file").length;
  const [layers, packages] = [await image.layers(), await image.packages()];
  return { image, layers, packages, files, fileBytes: sizeOf(tree) };
}

function showImage({ image, layers, packages, files, fileBytes }: Seen, options: InspectOptions): string {
  const { config } = image;
  const total = layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
  const head = showTable([
    ["name", image.name],
    ["platform", image.platform],
    ["manifest", image.digest],
    ["image id", image.imageId],
    ["created", config.created ?? "not said"],
    ["size", `${showBytes(total)} in ${layers.length} layers, ${showBytes(fileBytes)} in ${files} files`],
    ["packages", String(packages.length)],
  ]);
  const rows = layers.map((layer) => [
    layer.name ?? "layer",
    showBytes(layer.sizeBytes).padStart(9),
    layer.digest,
  ]);
  const list = options.packages ? `\npackages\n${indent(showTable(packages.map(packageRow)))}` : "";
  return `${head}\nlayers\n${indent(showTable(rows))}\nruns\n${indent(showTable(runRows(config)))}${list}`;
}

function packageRow({ name, version, architecture, sourceName }: InstalledPackage): string[] {
  return [name, version, architecture, sourceName === name ? "" : `(${sourceName})`];
}

function runRows({ config }: ImageConfig): string[][] {
  const rows: [string, string | undefined][] = [
    ["entrypoint", config.entrypoint?.join(" ")],
    ["cmd", config.cmd?.join(" ")],
    ["user", config.user],
    ["workdir", config.workingDir],
    ["env", config.env?.join(" ")],
    ["ports", config.exposedPorts?.join(" ")],
    ["volumes", config.volumes?.join(" ")],
    ["stop signal", config.stopSignal],
  ];
  return rows
    .filter((row): row is [string, string] => row[1] !== undefined && row[1] !== "")
    .map(([name, value]) => [name, printable(value)]);
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}

function jsonOf({ image, layers, packages, files, fileBytes }: Seen): Json {
  const { name, platform, digest, imageId, config } = image;
  const shown = { ...config, platform: formatPlatform(config.platform) };
  return {
    name,
    platform,
    digest,
    imageId,
    config: shown,
    layers,
    packages,
    files,
    fileBytes,
  } as unknown as Json;
}
