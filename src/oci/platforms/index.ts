// SPDX-License-Identifier: Apache-2.0
/** The part of the folder that reads platforms: commands that load no more start sooner. */
export { formatPlatform, parsePlatform } from "../platform.ts";
