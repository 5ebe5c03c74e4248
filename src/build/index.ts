// SPDX-License-Identifier: Apache-2.0
export { type Progress, type ProgressStep, silentProgress } from "./progress.ts";
