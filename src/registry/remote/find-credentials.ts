// SPDX-License-Identifier: Apache-2.0
import { type AuthFile, parseHelperAnswer, planCredentials } from "./auth-files.ts";
import type { FindCredentials } from "./credentials.ts";

/** The files and programs that know who the user is. */
export interface CredentialWorld {
  /** Called once, when a registry first asks. */
  readonly readFiles: () => readonly AuthFile[];
  /** Asks `docker-credential-NAME get` for a server; undefined where it knows none. */
  readonly askHelper: (name: string, server: string) => Promise<Uint8Array | undefined>;
}

/** Looks for credentials where docker and podman keep them; the first place that has some decides. */
export function credentialFinder({ readFiles, askHelper }: CredentialWorld): FindCredentials {
  let files: readonly AuthFile[] | undefined;
  return async (registry, repository) => {
    files ??= readFiles();
    for (const source of planCredentials(files, { registry, repository })) {
      if (source.kind === "given") return source.credentials;
      const answer = await askHelper(source.helper, source.server);
      const found = answer === undefined ? undefined : parseHelperAnswer(answer, source.helper);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}
