import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.tsx';
import { connect } from './connect.ts';
import { TabSocket, tabNetwork, takeRequests } from './status/tab-network.ts';
import { createLedger } from './measure/ledger.ts';
import './styles/index.css';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
takeRequests();
const options = { WebSocket: TabSocket, network: tabNetwork };
const ledger = createLedger(() => performance.now());
createRoot(root).render(
  <StrictMode>
    <App editor={connect(options)} visitor={connect(options)} ledger={ledger} />
  </StrictMode>,
);
