import type { Libxengnttab } from '../../bindings/libxengnttab.ts';

/** PROT_READ, mman.h: here nobody looks into it. */
const READ = 1;

/** A page of another domain that is mapped by its grant: as long as it is, Xen gives the domain's domid to nobody else. */
export class GrantedPage {
  readonly #library: Libxengnttab;
  readonly #grants: bigint;
  /** Undefined once it is unmapped. */
  #address: bigint | undefined;

  /** @throws CallError when that domain has not granted `reference` to this one */
  constructor(library: Libxengnttab, grants: bigint, domid: number, reference: number) {
    this.#library = library;
    this.#grants = grants;
    this.#address = library.xengnttab_map_grant_ref({
      ...{ xgt: grants, domid, reference, protection: READ },
    });
  }

  unmap(): void {
    const address = this.#address;
    if (address === undefined) return;
    this.#address = undefined;
    this.#library.xengnttab_unmap({ xgt: this.#grants, address, count: 1 });
  }
}
