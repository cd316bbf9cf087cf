import { type BootState, present } from '../state.ts';
import { tenth } from '../timeline.ts';

export async function releaseTpm(state: BootState): Promise<string> {
  await state.measurements.close();
  await state.bootMeasurements.close();
  await state.tpm.close();
  state.tpmReleased = true;
  state.machine.releaseTpm();
  return 'the next kernel may drive it';
}

/** The last step. Xen keeps the platform up when a boot domain halts after dom0 was started. */
export function leave(state: BootState): string {
  state.hypervisor.close();
  const { node, now } = state.timeline;
  const start = `Node's start ${tenth(node.running - node.started)} ms`;
  const { commands, milliseconds } = present(state.tpmTime, 'TPM');
  const tpm = `${commands} commands of the TPM ${tenth(milliseconds)} ms`;
  return `init to halt ${tenth(now() - node.started)} ms (${start}, ${tpm}); domB halts now`;
}
