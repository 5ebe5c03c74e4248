// SPDX-License-Identifier: Apache-2.0
import { enableCompileCache } from "node:module";

// Compiled code is remembered between runs: parsing TypeScript and the libraries costs more than most commands.
enableCompileCache();

const { runCommandLine } = await import("./command-line.ts");
process.exitCode = await runCommandLine(process.argv.slice(2));
