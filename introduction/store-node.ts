/** A node of xenstore and who may use it. */
export interface StoreNode {
  path: string;
  value: string;
  access: Access;
}

/**
 * - `tools`: domain 0 alone;
 * - `read`: the domain may read it too;
 * - `own`: it belongs to the domain, which may write it;
 * - or the domids of who owns it and may write it, and of another domain that may read it.
 * Nodes below it that have no access of their own get the same.
 */
export type Access = 'tools' | 'read' | 'own' | { owner: number; reader: number };
