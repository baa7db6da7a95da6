import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Arena } from './Arena';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Arena />
  </StrictMode>,
);
