// SPDX-License-Identifier: Apache-2.0
import type { Command } from "commander";

/**
 * Adds `completion SHELL`, which prints a script for bash, zsh, fish or PowerShell, and the hidden command
 * that the script asks for proposals. The library behind it is loaded only for these two.
 */
export async function addCompletion(program: Command, args: readonly string[]): Promise<void> {
  if (args[0] === "completion" || args[0] === "complete") {
    const { default: tab } = await import("@bomb.sh/tab/commander");
    tab(program, { completionCommandName: "completion" });
    return;
  }
  program
    .command("completion <shell>")
    .description("print the completion script of bash, zsh, fish or powershell")
    .addHelpText("after", '\nExample: eval "$(ashlar completion bash)"');
}
