import { readMemory, writeMemory } from '../../bindings/ffi/memory.ts';
import type { Libxengnttab } from '../../bindings/libxengnttab.ts';
import { PAGE_SIZE, type SharedPage } from './ring.ts';

/** PROT_READ | PROT_WRITE, mman.h. */
const READ_WRITE = 3;

/** A page of another domain, mapped by its grant. */
export class GrantedPage implements SharedPage {
  readonly #library: Libxengnttab;
  readonly #grants: bigint;
  /** Undefined once it is unmapped: an access would then end the process. */
  #address: bigint | undefined;

  /** @throws CallError when that domain has not granted `reference` to this one */
  constructor(library: Libxengnttab, grants: bigint, domid: number, reference: number) {
    this.#library = library;
    this.#grants = grants;
    this.#address = library.xengnttab_map_grant_ref({
      ...{ xgt: grants, domid, reference, protection: READ_WRITE },
    });
  }

  read(offset: number, length: number): Buffer {
    return readMemory(this.#at(offset, length), length);
  }

  write(offset: number, bytes: Uint8Array): void {
    writeMemory(this.#at(offset, bytes.length), bytes);
  }

  unmap(): void {
    const address = this.#address;
    if (address === undefined) return;
    this.#address = undefined;
    this.#library.xengnttab_unmap({ xgt: this.#grants, address, count: 1 });
  }

  #at(offset: number, length: number): bigint {
    if (this.#address === undefined) throw new Error('the shared page is not mapped any more');
    if (offset < 0 || offset + length > PAGE_SIZE) {
      throw new RangeError(`bytes ${offset} to ${offset + length} are not in a page`);
    }
    return this.#address + BigInt(offset);
  }
}
