// SPDX-License-Identifier: Apache-2.0
/** A thread that evaluates specs: whatever a spec does to it, ending the thread ends it. */
import { parentPort } from "node:worker_threads";

import { evaluate, type EvaluateRequest } from "./evaluate.ts";

parentPort?.on("message", (request: EvaluateRequest) => {
  void evaluate(request).then((answer) => parentPort?.postMessage(answer));
});
