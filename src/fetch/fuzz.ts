// SPDX-License-Identifier: Apache-2.0
import { parseAptSources } from "./apt-sources.ts";
import { parseArmouredSignature, splitClearsigned } from "./clearsign.ts";
import { openKeyring } from "./keyring.ts";
import { testKeys } from "./testing/keys.ts";
import { publicKeyOf, signDetached, signInline } from "./testing/sign-archive.ts";
import { verifySignature } from "./verify-signature.ts";

const dateSeconds = 1_750_000_000;
const text =
  "Origin: Test\nSuite: fixture\n- dash\nDate: Sun, 01 Jun 2025 00:00:00 UTC\nSHA256:\n abc 1 main/Packages\n";
const sources = [
  "deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian trixie main contrib # x\n#deb x y z\n",
  "Types: deb\nURIs: http://a.example/debian\n http://b.example/\nSuites: a b\nComponents: main\n\n# c\nEnabled: no\n",
];
const keyring = openKeyring(await publicKeyOf("main"));

async function inlineSeeds(): Promise<Uint8Array[]> {
  return [
    await signInline(text, { dateSeconds }),
    await signInline(text, { dateSeconds, keys: ["main", "stranger"] }),
  ];
}

async function verifyInline(bytes: Uint8Array): Promise<void> {
  await verifySignature(
    { kind: "inline", bytes },
    { keyring: await keyring, nowSeconds: dateSeconds, what: "input" },
  );
}

/** For `test/long/fuzz.ts`. */
export const fuzzTargets = [
  { name: "fetch clearsign", seeds: inlineSeeds, run: splitClearsigned },
  { name: "fetch signature", seeds: inlineSeeds, run: verifyInline },
  {
    name: "fetch armour",
    seeds: async () => [await signDetached(Buffer.from(text), { dateSeconds })],
    run: parseArmouredSignature,
  },
  {
    name: "fetch keys",
    seeds: async () => [Buffer.from(await publicKeyOf("main")), Buffer.from(testKeys.main)],
    run: async (bytes: Uint8Array) => void (await openKeyring("file", { readKeyFile: () => bytes })),
  },
  {
    name: "fetch apt sources",
    seeds: () => sources.map((source) => Buffer.from(source)),
    run(bytes: Uint8Array): void {
      const decoded = Buffer.from(bytes).toString("utf8");
      for (const name of ["a.list", "a.sources"]) parseAptSources({ name, text: decoded });
    },
  },
] as const;
