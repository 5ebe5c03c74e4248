// SPDX-License-Identifier: Apache-2.0
import type {
  AppItem,
  ConfigDocument,
  Document,
  FleetDocument,
  FromDocument,
  ImageDocument,
  OciFromDocument,
  SourceDocument,
  SystemDocument,
} from "./document.ts";
import { contractRun, contractStep } from "./contract-steps.ts";
import { sourceNameOf } from "./expand-from.ts";
import { usualBase, usualClosure, usualInstall } from "./inherit.ts";
import {
  mapValues,
  oneOrList,
  sizeText,
  someItems,
  someOf,
  unitText,
  unless,
  type Units,
  type Written,
} from "./written.ts";

/** The inverse of expanding: the shortest data that means the document. */
export function contractDocument(document: Document): Written {
  if (document.ashlar === "image/v1")
    return {
      ashlar: "image/v1",
      name: document.name,
      ...contractImage(document, usualInstall(document.from)),
    };
  const images = Object.entries(document.images).map(([key, image]): [string, Written] => {
    return [
      key,
      { name: unless(image.name, key), ...contractImage(image, inheritedInstall(document, image)) },
    ];
  });
  return { ashlar: "fleet/v1", registry: document.registry, images: Object.fromEntries(images) };
}

function inheritedInstall({ images }: FleetDocument, { from }: ImageDocument): SystemDocument["install"] {
  return from.kind === "image" ? (images[from.image] as ImageDocument).system.install : usualInstall(from);
}

function contractImage(image: ImageDocument, install: SystemDocument["install"]): Written {
  const { system, expect } = image;
  return {
    from: contractFrom(image.from),
    platforms: image.platforms,
    system: someOf({
      base: unless(system.base, usualBase(image.from, system.install)),
      packages: someItems(system.packages),
      install: unless(system.install, install),
      strip: someItems(system.strip),
      only: someOf(mapValues(system.only, oneOrList)),
      debconf: someOf(system.debconf),
      run: someItems(system.run.map(contractRun)),
    }),
    users: someOf(mapValues(image.users, contractUser)),
    steps: someOf(mapValues(image.steps, contractStep)),
    app: someItems(image.app.map(contractItem)),
    config: contractConfig(image.config),
    expect: someOf({
      maxSize: sizeText(expect.maxSizeBytes),
      shell: expect.shell,
      setuid: expect.setuid,
      deny: someItems(expect.deny),
      closure: unless(expect.closure, usualClosure(system.install)),
      closureAllow: someItems(expect.closureAllow),
    }),
    lifecycle: someOf({ ...image.lifecycle }),
    layers: someOf({ packages: unless(image.layers.packages, 1) }),
  };
}

function contractFrom(from: FromDocument): unknown {
  if (from.kind === "scratch") return "scratch";
  if (from.kind === "image") return { image: from.image };
  if (from.kind === "oci") return contractOci(from);
  const written = contractDebian(from.suite, from.sources);
  const isShort = written["components"] === undefined && written["sources"] === undefined;
  return isShort ? `debian:${from.suite}` : written;
}

function contractOci({ name, digest, at, suite, sources }: OciFromDocument): unknown {
  const oci = `${name}@${digest}`;
  const debian = suite === undefined ? {} : contractDebian(suite, sources);
  return at === undefined && suite === undefined ? `oci:${oci}` : { oci, at, ...debian };
}

function contractDebian(suite: string, [main, ...others]: readonly SourceDocument[]): Written {
  const components = main?.components ?? [];
  const plain = components.length === 1 && components[0] === "main";
  return {
    debian: suite,
    components: plain ? undefined : components,
    sources: someItems(others.map((source) => contractSource(source, suite))),
  };
}

function contractSource(source: SourceDocument, suite: string): unknown {
  if (source.uri === undefined) return source.suite.slice(suite.length + 1);
  const { uri, components, signedBy } = source;
  const name = unless(source.name, sourceNameOf(uri, source.suite));
  return { deb: uri, suite: source.suite, components, signedBy, name };
}

function contractUser(user: ImageDocument["users"][string]): Written {
  return {
    uid: user.uid,
    gid: unless(user.gid, user.uid),
    home: unless(user.home, "/nonexistent"),
    shell: unless(user.shell, "/usr/sbin/nologin"),
    gecos: unless(user.gecos, ""),
    groups: someItems(user.groups),
  };
}

function contractItem(item: AppItem): Written {
  switch (item.kind) {
    case "copy": {
      const { kind: _, from, exclude, to, ...placing } = item;
      return {
        copy: {
          from: oneOrList(from),
          to,
          exclude: exclude.length === 0 ? undefined : oneOrList(exclude),
          ...placing,
        },
      };
    }
    case "write": {
      const { kind: _, ...write } = item;
      return { write };
    }
    case "dir": {
      const { kind: _, ...dir } = item;
      return { dir };
    }
    case "output": {
      const { kind: _, step, from, to, ...placing } = item;
      return { output: { step, path: oneOrList(from), to, ...placing } };
    }
    case "link":
      return { link: { path: item.path, target: item.target } };
  }
}

function contractConfig(config: ConfigDocument): Written | undefined {
  const { healthcheck } = config;
  return someOf({
    ...config,
    ports: config.ports?.map((port) => (port.endsWith("/tcp") ? Number.parseInt(port, 10) : port)),
    healthcheck: healthcheck && {
      test: healthcheck.test,
      interval: durationText(healthcheck.intervalMs),
      timeout: durationText(healthcheck.timeoutMs),
      startPeriod: durationText(healthcheck.startPeriodMs),
      retries: healthcheck.retries,
    },
  });
}

const durationUnits: Units = [["h", 3_600_000], ["m", 60_000], ["s", 1000], ["ms", 1]]; // prettier-ignore

function durationText(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : unitText(ms, durationUnits);
}
