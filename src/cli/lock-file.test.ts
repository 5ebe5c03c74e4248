// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { type AshlarError, digestOf, isAshlarError } from "../base/index.ts";
import type { Project } from "../build/index.ts";
import type { Lock } from "../lock/index.ts";
import { writeLock } from "./lock-file.ts";

test("writeLock says that the project cannot be written, and what to do", () => {
  const document = digestOf("");
  const lock: Lock = { document, compressor: "", asked: [], sources: [], images: [], steps: [] };
  // Not even root makes files in sysfs.
  const project = { lockName: "image.lock", lockPath: "/sys/image.lock" } as Project;
  assert.throws(
    () => writeLock(project, lock),
    (error) => isAshlarError(error, "LOCK_WRITE") && /--frozen/.test((error as AshlarError).hint ?? ""),
  );
});
