// SPDX-License-Identifier: Apache-2.0
import { interruptible } from "../../src/cli/interruption.ts";

/** A process that does not end when it is interrupted: `idle` waits on, `busy` keeps the processor. */
const [how] = process.argv.slice(2);
await interruptible(async (signal) => {
  console.log("at work");
  setInterval(() => {}, 1000);
  await new Promise((resolve) => void signal.addEventListener("abort", resolve));
  process.stdout.write("interrupted\n");
  for (;;) if (how === "idle") await new Promise((resolve) => setTimeout(resolve, 1000));
});
