import type { MeasuredItem } from './events.ts';

/** Where an item is measured: the register, and which event of that register it is, from 0. */
export interface PcrPosition {
  readonly pcr: number;
  readonly sequence: number;
}

/**
 * The registers that one log is about, and the place of each item in them. Everything goes into the first register, but for
 * the images of a domain whose own event names another one, and an error, which is in all of them. Each register counts its events by itself, so that its value
 * depends on nothing that another one holds. Writer, prediction and reader all ask here, so they cannot differ.
 */
export class Registers {
  readonly first: number;
  readonly #counts = new Map<number, number>();
  readonly #ofDomain = new Map<string, number>();

  constructor(first: number) {
    this.first = first;
    this.#counts.set(first, 0);
  }

  /** All registers, in the order in which they are capped: the first, then the others as they go up. */
  get pcrs(): number[] {
    const others = [...this.#counts.keys()].filter((pcr) => pcr !== this.first);
    return [this.first, ...others.sort((a, b) => a - b)];
  }

  /** How many events a register has. */
  count(pcr: number): number {
    return this.#counts.get(pcr) ?? 0;
  }

  /** Where the next item has to go; one place, but for an error. */
  places(item: MeasuredItem): PcrPosition[] {
    return this.#pcrsOf(item).map((pcr) => ({ pcr, sequence: this.count(pcr) }));
  }

  /** Takes the item as measured in these places. */
  add(item: MeasuredItem, places: readonly PcrPosition[] = this.places(item)): void {
    for (const { pcr, sequence } of places) this.#counts.set(pcr, sequence + 1);
    if (item.event === 'domain') {
      const pcr = item.pcr ?? this.first;
      this.#ofDomain.set(item.domain, pcr);
      // It is capped even when nothing follows.
      this.#counts.set(pcr, this.count(pcr));
    }
  }

  #pcrsOf(item: MeasuredItem): number[] {
    if (item.event === 'error') return this.pcrs;
    return [(item.event === 'image' && this.#ofDomain.get(item.domain)) || this.first];
  }
}
