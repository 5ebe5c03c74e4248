// SPDX-License-Identifier: Apache-2.0

/** One way of authenticating that a server offers. */
export interface Challenge {
  /** Lower case: "bearer", "basic". */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const headerCharsMax = 8 << 10;
const token = /[\w!#$%&'*+.^`|~-]+/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;

/**
 * Parses the value of `WWW-Authenticate`: challenges one after the other, each a scheme with parameters (RFC 9110,
 * 11.6.1). What cannot be read ends the list; a parameter given twice keeps its first value.
 */
export function parseChallenges(header: string): readonly Challenge[] {
  const text = header.slice(0, headerCharsMax);
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  for (;;) {
    take(/[\s,]*/y);
    const word = take(token)?.[0];
    if (word === undefined) return found;
    if (take(/\s*=\s*/y) === null) {
      found.push({ scheme: word.toLowerCase(), parameters: new Map() });
      continue;
    }
    const value = take(quoted)?.[1]?.replace(/\\(.)/g, "$1") ?? take(token)?.[0];
    const parameters = found.at(-1)?.parameters;
    if (value === undefined || parameters === undefined) return found;
    if (!parameters.has(word.toLowerCase())) parameters.set(word.toLowerCase(), value);
  }
}
