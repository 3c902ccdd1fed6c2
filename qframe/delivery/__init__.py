"""Jobs and the one loop that sends, retries and halves; neither wires nor frames."""
