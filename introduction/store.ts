import { CallError } from '../bindings/ffi/errors.ts';
import { readText } from '../bindings/ffi/memory.ts';
import { StructView } from '../bindings/ffi/struct.ts';
import { type Libxenstore, openLibxenstore } from '../bindings/libxenstore.ts';
import type { XenLayout } from '../xen-releases/layout.ts';
import { IntroductionError } from './introduction-error.ts';
import type { Access, StoreNode } from './store-node.ts';

/** XBT_NULL, xenstore.h: outside of any transaction. */
const NO_TRANSACTION = 0;
/** Others may write the same nodes at the same time; they get done. */
const MOST_TRIES = 20;
/** XENSTORE_PAYLOAD_MAX, xen/io/xs_wire.h. */
const MOST_VALUE = 4096;

/** The running xenstored. */
export class XenstoreConnection {
  readonly #xs: Libxenstore = openLibxenstore();
  readonly #layout: XenLayout;
  readonly #xsh: bigint;

  /** @throws IntroductionError when no xenstored runs */
  constructor(layout: XenLayout) {
    this.#layout = layout;
    try {
      this.#xsh = this.#xs.xs_open({ flags: 0 });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      throw new IntroductionError(
        `cannot reach xenstored: ${error.errno}`,
        'run it as root in dom0, when xenstored runs',
      );
    }
  }

  read(path: string): string | undefined {
    try {
      const length = Buffer.alloc(4);
      const value = this.#xs.xs_read({
        xsh: this.#xsh,
        transaction: NO_TRANSACTION,
        path,
        length,
      });
      // xenstore.h promises a NUL behind it. The few bytes are given back when this program ends.
      return readText(value, MOST_VALUE);
    } catch (error) {
      if (error instanceof CallError && error.errno === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Writes all nodes in one transaction. */
  write(domid: number, nodes: readonly StoreNode[]): void {
    for (let tries = 1; ; tries++) {
      const transaction = this.#xs.xs_transaction_start({ xsh: this.#xsh });
      if (transaction === NO_TRANSACTION) throw lost('xs_transaction_start');
      try {
        for (const node of nodes) this.#writeNode(transaction, domid, node);
      } catch (error) {
        this.#end(transaction, true);
        throw error;
      }
      if (this.#end(transaction, false)) return;
      if (tries === MOST_TRIES) throw lost('xs_transaction_end');
    }
  }

  isIntroduced(domid: number): boolean {
    return this.#xs.xs_is_domain_introduced({ xsh: this.#xsh, domid });
  }

  introduce(domid: number, ring: { frame: number; port: number }): void {
    this.#xs.xs_introduce_domain({ xsh: this.#xsh, domid, ...ring });
  }

  close(): void {
    this.#xs.xs_close({ xsh: this.#xsh });
  }

  #writeNode(transaction: number, domid: number, { path, value, access }: StoreNode): void {
    const data = Buffer.from(value);
    const [xsh, list] = [this.#xsh, permissions(this.#layout, domid, access)];
    this.#xs.xs_write({ xsh, transaction, path, data, length: data.length });
    const count = list.length;
    this.#xs.xs_set_permissions({
      xsh,
      transaction,
      path,
      permissions: Buffer.concat(list),
      count,
    });
  }

  /** False when others changed what the transaction touched. */
  #end(transaction: number, abort: boolean): boolean {
    try {
      return this.#xs.xs_transaction_end({ xsh: this.#xsh, transaction, abort });
    } catch (error) {
      if (error instanceof CallError && error.errno === 'EAGAIN') return false;
      throw error;
    }
  }
}

/** The first entry names the owner and what everybody else may do, as libxl has it (libxl__domain_make). */
function permissions(layout: XenLayout, domid: number, access: Access): Buffer[] {
  const { XS_PERM_NONE, XS_PERM_READ } = layout.constants;
  const entry = (id: number, perms: number) =>
    new StructView(layout, 'xs_permissions').set('id', id).set('perms', perms).bytes;
  if (typeof access === 'object') {
    return [entry(access.owner, XS_PERM_NONE), entry(access.reader, XS_PERM_READ)];
  }
  switch (access) {
    case 'tools':
      return [entry(0, XS_PERM_NONE)];
    case 'read':
      return [entry(0, XS_PERM_NONE), entry(domid, XS_PERM_READ)];
    case 'own':
      return [entry(domid, XS_PERM_NONE)];
  }
}

const lost = (call: string) =>
  new IntroductionError(
    `cannot write to xenstore: ${call} failed`,
    "see xenstored's log, and try it again",
  );
