// SPDX-License-Identifier: Apache-2.0

/** Who a user is at a registry. */
export type Credentials =
  | { readonly kind: "basic"; readonly user: string; readonly password: string }
  /** To be exchanged for tokens (`identitytoken` of docker's files). */
  | { readonly kind: "identity"; readonly token: string }
  /** A token for the registry itself (`registrytoken`). */
  | { readonly kind: "token"; readonly token: string };

/** Finds out who the user is at a registry; undefined where nothing is known. */
export type FindCredentials = (registry: string, repository: string) => Promise<Credentials | undefined>;

/** The value of an `Authorization` header. */
export function basicHeader({ user, password }: { readonly user: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}
