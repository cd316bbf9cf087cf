import type { Operation } from '../../plan/operations.ts';
import { handoverArchive, handoverCapacity } from '../hand-over.ts';
import type { BootState } from '../state.ts';

type HandOver = Extract<Operation, { do: 'hand-over' }>;

export function handOver(state: BootState, { domain }: HandOver): string {
  const archive = handoverArchive(state);
  state.hypervisor.handOver(domain.domid, archive);
  return `${archive.length} of ${handoverCapacity(state)} bytes`;
}
