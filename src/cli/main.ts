// SPDX-License-Identifier: Apache-2.0
import { watchOutputs } from "./closed-output.ts";
import { runCommandLine } from "./command-line.ts";

watchOutputs(process);
process.exitCode = await runCommandLine(process.argv.slice(2));
