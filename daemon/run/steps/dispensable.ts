import type { DomainSettings } from '../../../boot-configs/manifest.ts';
import { explain } from '../../plan/failure.ts';
import { nameOf, type Operation } from '../../plan/operations.ts';
import type { BootState } from '../state.ts';
import type { Step } from '../step.ts';

type DomainOperation = Extract<Operation, { domain: DomainSettings }>;

/**
 * A step that the boot survives when it fails for a domain with `critical: false`: what there is of the domain is
 * destroyed, and its further steps do nothing. That it is missing is measured into the boot's own register, stands in the
 * record and is logged. The platform's register stays as predicted: it says what may run, not what does.
 */
export function dispensable<O extends DomainOperation>(
  step: Step<O, BootState>,
): Step<O, BootState> {
  return async (state, operation) => {
    const { domain } = operation;
    if (state.abandoned.some(({ domid }) => domid === domain.domid)) return 'abandoned';
    try {
      return await step(state, operation);
    } catch (error) {
      if (domain.critical) throw error;
      return await abandon(state, operation, error);
    }
  };
}

async function abandon(
  state: BootState,
  operation: DomainOperation,
  error: unknown,
): Promise<string> {
  const { name, domid } = operation.domain;
  const { what, hint } = explain(error);
  const index = state.created.findIndex((created) => created.domid === domid);
  if (index >= 0) {
    // If this fails too, there is no saying what is left of it: the boot ends.
    state.hypervisor.destroy(domid);
    state.created.splice(index, 1);
  }
  const step = nameOf(operation);
  state.log.logger.warn(
    `step "${step}": ${what}\nwhat to do: ${hint}\n${name} is not critical: the boot goes on without it`,
  );
  await state.bootMeasurements.error({ what: `${step}: ${what}`, domain: name });
  state.abandoned.push({ name, domid, what: `${step}: ${what}` });
  return `${name} is given up`;
}
