import { act } from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Screen } from '../../testing/screen';
import { Switch } from './buttons';
import { CheckField, ChoiceField, TextField } from './fields';
import { Meter } from './meter';

describe('a field', () => {
  let screen: Screen;
  afterEach(() => screen.close());

  it('belongs to its label and its hint', () => {
    screen = new Screen(
      <TextField label="Node id" hint="64 letters and digits" value="" onChange={() => undefined} />
    );
    const input = screen.node.querySelector('input');
    expect(input?.labels?.[0].textContent).toBe('Node id');
    const hint = document.getElementById(input?.getAttribute('aria-describedby') ?? '');
    expect(hint?.textContent).toBe('64 letters and digits');
  });

  it('has several lines where these are needed', () => {
    screen = new Screen(
      <TextField label="Invitation" value="abc" lines={4} onChange={() => undefined} />
    );
    expect(screen.node.querySelector('textarea')?.rows).toBe(4);
  });

  it('says what was chosen', () => {
    const onChange = vi.fn();
    const choices = [
      { value: 'npy', label: 'Arrays' },
      { value: 'json', label: 'JSON' }
    ];
    screen = new Screen(
      <ChoiceField label="Kind" value="npy" choices={choices} onChange={onChange} />
    );
    const select = screen.node.querySelector('select');
    act(() => {
      Object.assign(select ?? {}, { value: 'json' });
      select?.dispatchEvent(new Event('change', { bubbles: true }));
    });
    expect(onChange).toHaveBeenCalledWith('json');
  });

  it('is ticked and unticked', async () => {
    const onChange = vi.fn();
    screen = new Screen(<CheckField label="May download" checked={false} onChange={onChange} />);
    await screen.click(screen.node.querySelector('input') as HTMLInputElement);
    expect(onChange).toHaveBeenCalledWith(true);
  });

  it('is switched on and off', async () => {
    const onChange = vi.fn();
    screen = new Screen(<Switch label="Share" on={true} onChange={onChange} />);
    const button = screen.find('switch', 'Share');
    expect(button.getAttribute('aria-checked')).toBe('true');
    await screen.click(button);
    expect(onChange).toHaveBeenCalledWith(false);
  });
});

describe('a meter', () => {
  it('says how far something is, and admits that it does not know', () => {
    const screen = new Screen(<Meter label="Loading" share={0.256} />);
    expect(screen.find('progressbar', 'Loading').getAttribute('aria-valuenow')).toBe('26');
    screen.show(<Meter label="Loading" share={null} />);
    expect(screen.find('progressbar').hasAttribute('aria-valuenow')).toBe(false);
    screen.close();
  });
});
