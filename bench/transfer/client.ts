// SPDX-License-Identifier: Apache-2.0
import type { Workshop } from "../workshop.ts";
import type { Images } from "./images.ts";
import type { Network } from "./network.ts";
import type { Counted } from "./servers.ts";

/** What a client works with in one measurement. */
export interface Place {
  readonly workshop: Workshop;
  readonly images: Images;
  readonly network: Network;
  readonly registry: Counted;
  readonly files: Counted;
  /** What `files` serves. */
  readonly filesDir: string;
}

/** A program that brings images here from there. */
export interface Client {
  readonly name: string;
  readonly server: Counted;
  /** Why it cannot be measured here; undefined where it can. */
  missing(): string | undefined;
  /** Puts an image on the server. */
  publish(image: string): void;
  /** Removes all that the client has. */
  forget(): void;
  /** The command line that brings an image; `held` has been brought before. It runs on either side of the network. */
  bring(image: string, held: string | undefined): readonly string[];
}
