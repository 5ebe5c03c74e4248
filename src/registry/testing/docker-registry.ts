// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The registry of the distribution project, as a process of its own. */
export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
}

/** Starts Debian's docker-registry on a free port; with `user` it wants a login (bcrypt, by htpasswd). */
export async function startDockerRegistry(
  user?: { readonly user: string; readonly password: string },
): Promise<DockerRegistry> {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-docker-registry-"));
  const config = join(dir, "config.yml");
  writeFileSync(config, configText(dir, user !== undefined));
  if (user !== undefined) writeFileSync(join(dir, "htpasswd"), passwordLine(user));
  const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    return { host: await listening(child), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function configText(dir: string, hasLogin: boolean): string {
  const auth = hasLogin ? `auth: {htpasswd: {realm: test, path: ${dir}/htpasswd}}\n` : "";
  return `version: 0.1
log: {level: info}
storage: {filesystem: {rootdirectory: ${dir}/store}, delete: {enabled: true}}
${auth}http: {addr: "127.0.0.1:0", secret: fixed}
`;
}

function passwordLine({ user, password }: { readonly user: string; readonly password: string }): string {
  const { status, stdout } = spawnSync("htpasswd", ["-Bbn", user, password], { encoding: "utf8" });
  if (status !== 0) throw new Error("htpasswd failed");
  return stdout;
}

/** The address that it says it listens on. */
function listening(child: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const read = (text: string): void => {
      said = `${said}${text}`.slice(-10_000);
      const match = /listening on (127\.0\.0\.1:\d+)/.exec(said);
      if (match !== null) resolve(match[1] as string);
    };
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", read);
    child.on("error", reject);
    child.on("close", (status) => reject(new Error(`docker-registry ended with ${status}: ${said}`)));
  });
}
