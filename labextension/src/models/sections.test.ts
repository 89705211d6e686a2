import { describe, expect, it } from 'vitest';
import { Sections } from './sections';

const section = (id: string, rank: number) => ({ id, title: id, rank, widget: id });

describe('sections', () => {
  it('stand in the order of their ranks, whoever came first', () => {
    const sections = new Sections<string>();
    ['feeds:400', 'node:100', 'files:200'].forEach(word => {
      const [id, rank] = word.split(':');
      sections.add(section(id, Number(rank)));
    });
    expect(sections.all.map(({ id }) => id)).toEqual(['node', 'files', 'feeds']);
  });

  it('come and go, and say so', () => {
    const sections = new Sections<string>();
    let changes = 0;
    sections.changed.connect(() => (changes += 1));
    sections.add(section('node', 100)).dispose();
    expect([changes, sections.all]).toEqual([2, []]);
  });

  it('have names of their own', () => {
    const sections = new Sections<string>();
    sections.add(section('node', 100));
    expect(() => sections.add(section('node', 200))).toThrow("There is a section 'node'.");
  });
});
