// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";

import { AshlarError, isSystemError } from "../base/index.ts";
import type { Shell } from "./shell.ts";

const timeoutMs = 60_000;
const answerBytesMax = 1 << 20;

/**
 * Asks `docker-credential-NAME get` who the user is at a server. Undefined where it knows none. Throws
 * `REGISTRY_AUTH_HELPER` with what it said; its answer is a secret and goes into no message.
 */
export function askCredentialHelper(shell: Shell, name: string, server: string): Promise<Uint8Array | undefined> {
  const command = `docker-credential-${name}`;
  return new Promise((resolve, reject) => {
    const child = spawn(command, ["get"], { env: shell.env as NodeJS.ProcessEnv, timeout: timeoutMs });
    const pieces: Buffer[] = [];
    let size = 0;
    child.stdout.on("data", (piece: Buffer) => {
      size += piece.length;
      if (size <= answerBytesMax) pieces.push(piece);
      else child.kill("SIGKILL");
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said = `${said}${text}`.slice(-1000)));
    child.on("error", (cause) => reject(notStarted(command, cause)));
    child.on("close", (status) => {
      const answer = Buffer.concat(pieces);
      if (status === 0) return resolve(answer);
      // The protocol has no other way of saying it than this sentence (docker-credential-helpers).
      const text = `${answer.subarray(0, 1000).toString("utf8")} ${said}`;
      if (/credentials not found|no credentials/i.test(text)) return resolve(undefined);
      reject(failed(command, status, said));
    });
    child.stdin.on("error", () => {});
    child.stdin.end(server);
  });
}

function notStarted(command: string, cause: Error): AshlarError {
  const why = isSystemError(cause, "ENOENT") ? "it is not installed" : cause.message;
  return new AshlarError("REGISTRY_AUTH_HELPER", `Cannot ask "${command}" for credentials: ${why}`, {
    cause,
    hint: "install it, or take it out of credHelpers and credsStore in the auth file",
  });
}

function failed(command: string, status: number | null, said: string): AshlarError {
  const because = said.trim() === "" ? [] : [said.trim()];
  const state = status === null ? "it was ended" : `it ended with status ${status}`;
  return new AshlarError("REGISTRY_AUTH_HELPER", `Cannot ask "${command}" for credentials: ${state}, want 0`, {
    because,
  });
}
