import { isLabel } from '../measurement/sealing/stored.ts';
import { type Input, UsageError } from './command.ts';

/** The --label of approvals; empty when left out. @throws {@link UsageError} when it is none */
export function chosenLabel({ values }: Input): string {
  const label = values.get('label') ?? '';
  if (isLabel(label)) return label;
  throw new UsageError(
    '--label is not printable ASCII of 1 to 32 characters',
    'choose another one',
  );
}
