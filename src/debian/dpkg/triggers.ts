// SPDX-License-Identifier: Apache-2.0
import { AshlarError, limits } from "../../base/index.ts";

/** A line of a package's file `triggers` (deb-triggers(5)). */
export interface TriggerDirective {
  readonly kind: "interest" | "activate";
  /** A path with its slash, or the name of an explicit trigger. */
  readonly trigger: string;
  /** Whether the activating package waits for the interested one. */
  readonly awaits: boolean;
}

/** Who wants to know: a line of dpkg's `triggers/File` or `triggers/NAME`. */
export interface TriggerInterest {
  readonly trigger: string;
  /** As dpkg names it: with the architecture where the package is `Multi-Arch: same`. */
  readonly package: string;
  readonly awaits: boolean;
}

const reserved = new Set(["File", "Unincorp", "Lock"]);

/** Parses a package's file `triggers`. Throws `DEBIAN_TRIGGERS_INVALID` with the line's number. */
export function parseTriggers(source: Uint8Array): readonly TriggerDirective[] {
  return linesOf(source).flatMap((line, i) => {
    const text = line.replace(/#.*/, "").trim();
    if (text === "") return [];
    const match = /^(interest|activate)(-await|-noawait)?[ \t]+(\S+)$/.exec(text);
    if (match === null) throw invalid(i + 1, "want a directive and a trigger");
    const [, kind, mode, trigger] = match as unknown as [
      string,
      TriggerDirective["kind"],
      string | undefined,
      string,
    ];
    verifyTrigger(trigger, i + 1);
    return [{ kind, trigger, awaits: mode !== "-noawait" }];
  });
}

/** Parses `triggers/File` of dpkg's database: a path and a package a line. Throws `DEBIAN_TRIGGERS_INVALID`. */
export function parseFileInterests(source: Uint8Array): readonly TriggerInterest[] {
  return linesOf(source).flatMap((line, i) => {
    if (line === "") return [];
    const at = line.lastIndexOf(" ");
    if (at <= 0 || !line.startsWith("/")) throw invalid(i + 1, "want a path and a package");
    return [interestOf(line.slice(0, at), line.slice(at + 1))];
  });
}

/** Parses `triggers/NAME` of dpkg's database: a package a line. */
export function parseNamedInterests(source: Uint8Array, trigger: string): readonly TriggerInterest[] {
  return linesOf(source).flatMap((line) => (line === "" ? [] : [interestOf(trigger, line)]));
}

function interestOf(trigger: string, text: string): TriggerInterest {
  const name = text.replace(/\/noawait$/, "");
  return { trigger, package: name, awaits: name === text };
}

/** Encodes one file of dpkg's database; a line of `File` begins with the path. */
export function encodeInterests(interests: readonly TriggerInterest[]): string {
  return interests
    .map(({ trigger, package: name, awaits }) => {
      const who = awaits ? name : `${name}/noawait`;
      return trigger.startsWith("/") ? `${trigger} ${who}\n` : `${who}\n`;
    })
    .join("");
}

function linesOf(source: Uint8Array): readonly string[] {
  if (source.length > limits.textBytesMax) throw invalid(1, `larger than ${limits.textBytesMax} bytes`);
  return Buffer.from(source).toString("utf8").split("\n");
}

function verifyTrigger(trigger: string, line: number): void {
  const isPath = trigger.startsWith("/") && !trigger.split("/").includes("..");
  const isName = /^[A-Za-z0-9][A-Za-z0-9+.:_-]*$/.test(trigger) && !reserved.has(trigger);
  if (!isPath && !isName) throw invalid(line, `"${trigger}" is no name of a trigger`);
}

function invalid(line: number, fault: string): AshlarError {
  return new AshlarError("DEBIAN_TRIGGERS_INVALID", `Cannot read triggers: line ${line}, ${fault}`);
}
