import type { FieldName } from '../../xen-releases/layout.ts';
import { readMemory, writeMemory } from '../ffi/memory.ts';
import { StructView } from '../ffi/struct.ts';
import type { XenSession } from './session.ts';

type Field = FieldName<'xc_dom_image'>;

/** The `struct xc_dom_image` of one build, libxenguest's state. It is C's memory: each access copies. */
export class BuilderImage {
  /** The `struct xc_dom_image *`. */
  readonly dom: bigint;
  readonly #session: XenSession;
  /** Gives offsets and checks widths; its contents are one field at a time. */
  readonly #scratch: StructView<'xc_dom_image'>;
  readonly #held: Uint8Array[] = [];

  constructor(session: XenSession, cmdline: string) {
    const { guest, xch, layout } = session;
    this.#session = session;
    this.#scratch = new StructView(layout, 'xc_dom_image');
    this.dom = guest.xc_dom_allocate({ xch, cmdline, features: null });
  }

  get(field: Field): bigint {
    const block = this.#scratch.block(field);
    readMemory(this.#addressOf(field), block.length).copy(block);
    return this.#scratch.get(field);
  }

  set(fields: Partial<Record<Field, number | bigint>>): void {
    for (const [name, value] of Object.entries(fields)) {
      const field = name as Field;
      this.#scratch.set(field, value);
      writeMemory(this.#addressOf(field), this.#scratch.block(field));
    }
  }

  /** Machine frames of `count` frames of a PV domain from `first` on, 8 bytes each. */
  machineFrames(first: number, count: number): Buffer {
    const size = this.get('p2m_size');
    if (BigInt(first + count) > size) {
      throw new RangeError(`frames ${first} to ${first + count} are not among the ${size} there`);
    }
    return readMemory(this.get('pv_p2m') + BigInt(first * 8), count * 8);
  }

  /** Keeps memory of ours, whose address C has been given, until {@link release}. */
  hold<T extends Uint8Array>(bytes: T): T {
    this.#held.push(bytes);
    return bytes;
  }

  /** Unmaps the domain's memory and frees the struct. */
  release(): void {
    this.#session.guest.xc_dom_release({ dom: this.dom });
    this.#held.length = 0;
  }

  #addressOf(field: Field): bigint {
    return this.dom + BigInt(this.#scratch.offsetOf(field));
  }
}
