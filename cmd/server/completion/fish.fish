# Completions of smartsocket-server for fish. Write the output to
#   ~/.config/fish/completions/smartsocket-server.fish
# or use them in this shell:
#   smartsocket-server completion fish | source
complete -c smartsocket-server -f
{{- range .Words}}
complete -c smartsocket-server -n __fish_use_subcommand -a {{.Name}} -d {{quote .Help}}
{{- end}}
complete -c smartsocket-server -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
{{- range .Load}}
complete -c smartsocket-server -n '__fish_seen_subcommand_from loadtest' -o {{.Name}}
	{{- if .File}} -rF{{else if .Choices}} -xa {{quote (join .Choices " ")}}{{end}} -d {{quote .Help}}
{{- end}}
{{- range .Ops}}
complete -c smartsocket-server -n '__fish_seen_subcommand_from tail emit report' -o {{.Name}}
	{{- if .File}} -rF{{else if .Choices}} -xa {{quote (join .Choices " ")}}{{end}} -d {{quote .Help}}
{{- end}}
{{- range .Server}}
complete -c smartsocket-server -n 'not __fish_seen_subcommand_from loadtest completion tail emit report' -o {{.Name}}
	{{- if .File}} -rF{{else if .Choices}} -xa {{quote (join .Choices " ")}}{{end}} -d {{quote .Help}}
{{- end}}
